import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { RecordBatch } from 'apache-arrow'
import { encodeCsv } from '../src/arrow/encode-csv.ts'
import { openParquet } from '../src/arrow/parquet-decode.ts'
import { FLIGHTS_FILE } from './flights-file.ts'

/** A table to write: made by DuckDB, so that both sides have the same one. */
export interface CsvSubject {
  readonly name: string
  readonly rows: number
  readonly select: string
  /** The columns of the CSV as DuckDB reads it back, and the expressions that must equal the table's columns. */
  readonly read: Readonly<Record<string, { readonly type: string; readonly as?: string }>>
}

export const FLIGHTS: CsvSubject = {
  name: 'flights',
  rows: 3_000_000,
  select: `select * from '${FLIGHTS_FILE}'`,
  read: {
    date: { type: 'TIMESTAMPTZ', as: `date at time zone 'UTC'` },
    delay: { type: 'BIGINT' },
    distance: { type: 'BIGINT' },
    origin: { type: 'VARCHAR' },
    destination: { type: 'VARCHAR' },
  },
}

const MILLION = 1_000_000

/** Ten columns: two longs, an int, microseconds, three texts of which one has quotes and commas, reals of 3 and of 17 digits. */
export const FLAT: CsvSubject = {
  name: 'flat',
  rows: MILLION,
  select: `select i::bigint as id, timestamp '2024-01-01' + to_microseconds(i * 1000003) as ts, (i % 1000)::int as n,
    (hash(i) % 100000000000)::bigint as l, 'name' || (i % 100) as s, 'some text ' || i as s2,
    (hash(i) % 1000000) / 1000.0::double as r, (hash(i) / 18446744073709551615.0)::double as r2, i % 2 = 0 as b,
    case when i % 10 = 0 then 'he said "hi", ok' else 'plain text here' end as t from range(${MILLION}) t(i)`,
  read: {
    id: { type: 'BIGINT' },
    ts: { type: 'TIMESTAMPTZ', as: `ts at time zone 'UTC'` },
    n: { type: 'INTEGER' },
    l: { type: 'BIGINT' },
    s: { type: 'VARCHAR' },
    s2: { type: 'VARCHAR' },
    r: { type: 'DOUBLE' },
    r2: { type: 'DOUBLE' },
    b: { type: 'BOOLEAN' },
    t: { type: 'VARCHAR' },
  },
}

/** A struct of a long, a text that sometimes has quotes and a real; and a list of longs. */
export const NESTED: CsvSubject = {
  name: 'nested',
  rows: MILLION,
  select: `select {'a': i, 'b': case when i % 10 = 0 then 'say "x' || i || '"' else 'x' || i end, 'c': i * 0.5::double} as s,
    [i, i + 1, i + 2] as l from range(${MILLION}) t(i)`,
  read: {
    s: { type: 'VARCHAR', as: `s::json::struct(a bigint, b varchar, c double)` },
    l: { type: 'VARCHAR', as: `l::json::bigint[]` },
  },
}

/** The two sides' form of a subject, and where DuckDB writes. */
export interface CsvBench {
  readonly subject: CsvSubject
  readonly batches: readonly RecordBatch[]
  readonly connection: DuckDBConnection
  /** A file in memory where the machine has such a folder. */
  readonly file: string
}

/** Runs `work` with the subject as a DuckDB table of its name and as record batches. */
export async function withSubject<T>(subject: CsvSubject, work: (bench: CsvBench) => Promise<T>): Promise<T> {
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const folder = mkdtempSync(join(memory, 'kusto-arrow-bench-'))
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  try {
    await connection.run(`create table ${subject.name} as ${subject.select}`)
    const parquet = join(folder, 'table.parquet')
    await connection.run(`copy ${subject.name} to '${parquet}' (format parquet)`)
    const opened = await openParquet(new Uint8Array(readFileSync(parquet)))
    const batches: RecordBatch[] = []
    for await (const batch of opened.batches()) batches.push(batch)
    opened.close()
    return await work({ subject, batches, connection, file: join(folder, 'table.csv') })
  } finally {
    connection.closeSync()
    rmSync(folder, { recursive: true })
  }
}

/** The CSV of all batches, one piece each. */
export function* csvOf(batches: readonly RecordBatch[]): Generator<Uint8Array> {
  for (const batch of batches) yield encodeCsv(batch).bytes
}

/** Makes the CSV of all batches and drops it. Returns its bytes. */
export function encodeAll(batches: readonly RecordBatch[]): number {
  let bytes = 0
  for (const piece of csvOf(batches)) bytes += piece.length
  return bytes
}

/** Reads the CSV in the file with DuckDB and compares every cell, in order, with the table. */
export async function compareCells({ subject, connection, file }: CsvBench): Promise<void> {
  const { name, rows, read } = subject
  const types = Object.entries(read).map(([column, { type }]) => `'${column}': '${type}'`)
  const values = Object.entries(read).map(([column, { as = column }]) => `${as} as ${column}`)
  const differ = Object.keys(read).map((column) => `a.${column} is distinct from b.${column}`)
  const reader = await connection.runAndReadAll(
    `select count(*), count(*) filter (where ${differ.join(' or ')}) from
      (select ${values.join(', ')} from read_csv('${file}', header = false, auto_detect = false, columns = {${types.join(', ')}},
        delim = ',', quote = '"', escape = '"', new_line = '\\n', strict_mode = true, parallel = false)) a
      positional join ${name} b`,
  )
  const [found, wrong] = (reader.getRows()[0] ?? []).map(Number)
  if (found !== rows || wrong !== 0) {
    throw new Error(`${name}: expected ${rows} equal records, found ${found} of which ${wrong} differ`)
  }
}
