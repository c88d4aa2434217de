import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { RecordBatch } from 'apache-arrow'
import { openParquet } from '../src/arrow/parquet-decode.ts'
import { FLIGHTS_FILE } from './flights-file.ts'

/** Tables that benches of writing use, as DuckDB makes them. */
export const WRITE_TABLES = {
  /** Three million rows of five short columns. */
  flights: `select date, delay::int as delay, distance::int as distance, origin, destination from '${FLIGHTS_FILE}'`,
  /** A million rows of ten columns: ids, times, words, long digits, guids, text with quotes. */
  flat: `select i::bigint as id, timestamp '2024-01-01' + to_microseconds(i * 1000003) as ts, (i % 1000)::int as n,
    (hash(i) % 100000000000)::bigint as l, 'name' || (i % 100) as s, 'some text ' || i as s2,
    (hash(i) % 1000000) / 1000.0::double as r, (hash(i) / 18446744073709551615.0)::double as r2, i % 2 = 0 as b,
    md5(i::varchar)::uuid::varchar as g,
    case when i % 10 = 0 then 'he said "hi", ok' else 'plain text here' end as t from range(1000000) t(i)`,
} as const

export type WriteTable = keyof typeof WRITE_TABLES

/** A folder and a DuckDB of one thread in it, until the work is done. */
export async function withDuckDb<T>(work: (connection: DuckDBConnection, folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'kusto-arrow-bench-'))
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  try {
    return await work(connection, folder)
  } finally {
    connection.closeSync()
    rmSync(folder, { recursive: true })
  }
}

/** Makes the table in DuckDB under its name and gives its rows as batches of 122,880 rows. */
export async function makeTable(
  connection: DuckDBConnection,
  folder: string,
  name: WriteTable,
): Promise<readonly RecordBatch[]> {
  const path = join(folder, `${name}-source.parquet`)
  await connection.run(`create table ${name} as ${WRITE_TABLES[name]}`)
  await connection.run(`copy ${name} to '${path}' (format parquet)`)
  const file = await openParquet(new Uint8Array(readFileSync(path)))
  const batches: RecordBatch[] = []
  for await (const batch of file.batches()) batches.push(batch)
  file.close()
  return batches
}

/**
 * Compares files with the table cell by cell, row by row in order.
 * @param from what DuckDB reads, for example `read_parquet('a.parquet')`
 */
export async function compareCells(connection: DuckDBConnection, name: WriteTable, from: string): Promise<void> {
  const columns = (await connection.runAndReadAll(`describe ${name}`)).getRows()
  // Times are written in UTC and come back with a time zone, or from CSV as text.
  const select = columns
    .map(([column, type]) =>
      String(type).startsWith('TIMESTAMP') ? `epoch_us("${String(column)}"::timestamptz)` : `"${String(column)}"`,
    )
    .join(', ')
  const numbered = (source: string): string => `select ${select}, row_number() over () from ${source}`
  const missing = `select count(*)::int from (${numbered(name)} except all ${numbered(from)})`
  const rows = `select count(*)::int from`
  const [found] = (
    await connection.runAndReadAll(`select (${missing}), (${rows} ${name}), (${rows} ${from})`)
  ).getRows()
  if (found?.[0] !== 0 || found[1] !== found[2]) {
    throw new Error(
      `expected the rows of ${name} in ${from}, found ${JSON.stringify(found)} (missing, rows, rows read)`,
    )
  }
}
