import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { RecordBatch, Table } from 'apache-arrow'
import { castBatch } from '../src/arrow/cast-batch.ts'
import { openParquet } from '../src/arrow/parquet-decode.ts'
import { arrowSchema, type KustoColumn, typeSettings } from '../src/arrow/scalar-types.ts'
import { FLIGHTS_FILE } from './flights-file.ts'

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
  const folder = mkdtempSync(join(tmpdir(), 'kusto-arrow-bench-'))
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  try {
    await connection.run(`create table flights as select row_number() over () as nr, date, delay::int as delay,
      distance::int as distance, origin, destination from '${FLIGHTS_FILE}'`)
    const rows = FLIGHTS_ROWS / FILES
    for (let file = 0; file < FILES; file++) {
      const where = `nr > ${file * rows} and nr <= ${(file + 1) * rows}`
      const select = `select date, delay, distance, origin, destination from flights where ${where} order by nr`
      const path = join(folder, `part-${file}.parquet`)
      await connection.run(`copy (${select}) to '${path}' (format parquet, compression snappy)`)
    }
    const names = readdirSync(folder).sort()
    return names.map((name) => readFileSync(join(folder, name)))
  } finally {
    connection.closeSync()
    rmSync(folder, { recursive: true })
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
