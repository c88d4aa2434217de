import { createRequire } from 'node:module'
import path from 'node:path'

const entry = createRequire(import.meta.url).resolve('vega-datasets')

/** Three million US flights in Parquet: date, delay, distance, origin, destination. */
export const FLIGHTS_FILE: string = path.join(
  entry.slice(0, entry.lastIndexOf('vega-datasets')),
  'vega-datasets/data/flights-3m.parquet',
)
