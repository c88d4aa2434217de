import { badOption, checkNames } from '../base/check-options.ts'
import { writeSettings } from '../sink/write-settings.ts'
import type { WriteFormat, WriteOptions } from '../sink/write-settings.ts'
import type { BenchmarkConfiguration } from './benchmark-result.ts'
import { combinations } from './combinations.ts'
import { mebibytesText } from './number-text.ts'

/** One way to write: the options of `kusto.write` that a benchmark compares. */
export type WriteChoice = Pick<WriteOptions, 'format' | 'compression' | 'maxBlobBytes' | 'uploads' | 'encodeWorkers'>

/** Values of each option; every combination is measured. An option that is left out has its default alone. */
export interface WriteSweep {
  readonly format?: readonly WriteFormat[]
  /** Of Parquet; CSV is always gzip. */
  readonly compression?: readonly NonNullable<WriteOptions['compression']>[]
  readonly maxBlobBytes?: readonly number[]
  readonly uploads?: readonly number[]
  readonly encodeWorkers?: readonly number[]
}

/** A configuration and the options that make it. */
export interface WritePoint {
  readonly configuration: BenchmarkConfiguration
  readonly options: WriteChoice
}

const NAMES: readonly (keyof WriteSweep)[] = ['format', 'compression', 'maxBlobBytes', 'uploads', 'encodeWorkers']

/**
 * The configurations of a sweep, each once, with every choice made.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown name, a bad value or an empty sweep
 */
export function writePoints(sweep: WriteSweep | readonly WriteChoice[]): readonly WritePoint[] {
  const choices: readonly WriteChoice[] = isList(sweep) ? sweep : combinations(sweep, NAMES)
  const points = new Map<string, Omit<BenchmarkConfiguration, 'id'> & { readonly options: WriteChoice }>()
  for (const choice of choices) {
    checkNames(choice, NAMES)
    const { format = 'parquet' } = choice
    const { maxBlobBytes, uploads, encodeWorkers, compression } = writeSettings({ ...choice, format })
    const common = { maxBlobBytes, uploads, encodeWorkers }
    const options: WriteChoice = format === 'csv' ? { format, ...common } : { format, compression, ...common }
    const parameters = { format, compression: format === 'csv' ? 'gzip' : compression, ...common }
    const label = [
      format === 'csv' ? 'CSV' : `Parquet ${compression}`,
      `blobs of ${mebibytesText(maxBlobBytes)}`,
      `${uploads} upload${uploads === 1 ? '' : 's'}`,
      `${encodeWorkers} thread${encodeWorkers === 1 ? '' : 's'}`,
    ].join(', ')
    const key = JSON.stringify(parameters)
    if (!points.has(key)) points.set(key, { parameters, label, options })
  }
  if (points.size === 0) throw badOption('expected a sweep of at least one configuration, found none')
  return [...points.values()].map(({ options, ...rest }, index) => ({
    configuration: { id: `c${index + 1}`, ...rest },
    options,
  }))
}

const MIB = 1024 * 1024

/** The sweep that is measured when none is given: blob sizes and uploads for the default format, and the other formats. */
export const DEFAULT_WRITE_SWEEP: readonly WriteChoice[] = [
  ...[8, 64].flatMap((size) => [1, 3].map((uploads): WriteChoice => ({ maxBlobBytes: size * MIB, uploads }))),
  { maxBlobBytes: 8 * MIB, uploads: 3, compression: 'snappy' },
  { maxBlobBytes: 8 * MIB, uploads: 3, format: 'csv' },
  { maxBlobBytes: 8 * MIB, uploads: 3, encodeWorkers: 0 },
]

function isList(sweep: WriteSweep | readonly WriteChoice[]): sweep is readonly WriteChoice[] {
  return Array.isArray(sweep)
}
