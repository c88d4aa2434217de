import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RecordBatch, Table } from 'apache-arrow'
import { castBatch } from '../src/arrow/cast-batch.ts'
import { openParquet } from '../src/arrow/parquet-decode.ts'
import { arrowSchema, type KustoColumn, typeSettings } from '../src/arrow/scalar-types.ts'
import { inFreshProcess } from './child-process.ts'
import type { FlightsParquetJob } from './write-flights-parquet.ts'

export const FLIGHTS_COLUMNS: readonly KustoColumn[] = [
  { name: 'date', type: 'datetime' },
  { name: 'delay', type: 'int' },
  { name: 'distance', type: 'int' },
  { name: 'origin', type: 'string' },
  { name: 'destination', type: 'string' },
]
export const FLIGHTS_ROWS = 3_000_000
export const FILES = 8

const SCHEMA = arrowSchema(FLIGHTS_COLUMNS, typeSettings({}))

/** The three million flights as eight Parquet files of equal size, snappy, as an export writes them. */
export async function flightsParquet(): Promise<readonly Buffer[]> {
  using files = await flightsFiles()
  return files.paths.map((path) => readFileSync(path))
}

/**
 * The same in a folder, until it is disposed of. Another process makes them, so that this one holds what a reader holds:
 * the collector's work grows with the heap.
 */
export async function flightsFiles(): Promise<Disposable & { readonly paths: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'kusto-arrow-bench-'))
  const remove = (): void => rmSync(folder, { recursive: true })
  try {
    const job: FlightsParquetJob = { folder, files: FILES, rows: FLIGHTS_ROWS }
    const paths = await inFreshProcess<readonly string[]>('write-flights-parquet.js', job)
    return { paths, [Symbol.dispose]: remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** Copies in shared memory, as downloads are. */
export function sharedCopies(files: readonly Buffer[]): readonly Uint8Array<SharedArrayBuffer>[] {
  return files.map((file) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(file.length))
    bytes.set(file)
    return bytes
  })
}

/** File after file on the calling thread: decoded by row group and cast to the query's schema. */
export async function readInline(files: readonly Uint8Array[]): Promise<Table> {
  const batches: RecordBatch[] = []
  for (const bytes of files) {
    const file = await openParquet(bytes)
    const columns = FLIGHTS_COLUMNS.map(({ name }) => name)
    for await (const batch of file.batches({ columns })) batches.push(castBatch(batch, SCHEMA).batch)
    file.close()
  }
  return new Table(SCHEMA, batches)
}
