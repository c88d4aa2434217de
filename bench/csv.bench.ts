import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { RecordBatch } from 'apache-arrow'
import { encodeCsv } from '../src/arrow/encode-csv.ts'
import { openParquet } from '../src/arrow/parquet-decode.ts'
import { FLIGHTS_FILE } from './flights-file.ts'

const REPETITIONS = 7
const ROWS = 1_000_000
const FLIGHTS = FLIGHTS_FILE

interface Subject {
  readonly name: string
  readonly select: string
}

const SUBJECTS: readonly Subject[] = [
  { name: 'flights', select: `select * from '${FLIGHTS}' limit ${ROWS}` },
  {
    name: 'flat',
    select: `select i::bigint as id, timestamp '2024-01-01' + to_microseconds(i * 1000003) as ts, (i % 1000)::int as n,
      (hash(i) % 100000000000)::bigint as l, 'name' || (i % 100) as s, 'some text ' || i as s2,
      (hash(i) % 1000000) / 1000.0::double as r, (hash(i) / 18446744073709551615.0)::double as r2, i % 2 = 0 as b,
      case when i % 10 = 0 then 'he said "hi", ok' else 'plain text here' end as t from range(${ROWS}) t(i)`,
  },
  {
    name: 'nested',
    select: `select {'a': i, 'b': 'x' || i, 'c': i * 0.5::double} as s, [i, i + 1, i + 2] as l from range(${ROWS}) t(i)`,
  },
]

/**
 * Arrow -> CSV bytes, against DuckDB COPY with one thread and against joining strings of `Vector.get`. All sides run
 * interleaved; the record counts are compared with DuckDB's before times are taken. Prints one JSON line.
 */
export async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kusto-arrow-bench-'))
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  try {
    const results: object[] = []
    for (const subject of SUBJECTS) results.push(await measure(subject, connection, folder))
    const { model } = cpus()[0] ?? { model: 'unknown' }
    console.log(JSON.stringify({ bench: 'csv', node: process.version, cpu: model, cpus: cpus().length, results }))
  } finally {
    connection.closeSync()
    rmSync(folder, { recursive: true })
  }
}

async function measure(subject: Subject, connection: DuckDBConnection, folder: string): Promise<object> {
  const { name, select } = subject
  const parquet = join(folder, `${name}.parquet`)
  const csv = join(folder, `${name}.csv`)
  await connection.run(`create table ${name} as ${select}`)
  await connection.run(`copy ${name} to '${parquet}' (format parquet)`)
  const file = await openParquet(new Uint8Array(readFileSync(parquet)))
  const batches: RecordBatch[] = []
  for await (const batch of file.batches()) batches.push(batch)
  file.close()
  const oursMs: number[] = []
  const duckMs: number[] = []
  const naiveMs: number[] = []
  let bytes = 0
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    let start = performance.now()
    bytes = 0
    let rows = 0
    for (const batch of batches) {
      const encoded = encodeCsv(batch)
      bytes += encoded.bytes.length
      rows += encoded.rows
    }
    oursMs.push(performance.now() - start)
    start = performance.now()
    await connection.run(`copy ${name} to '${csv}' (format csv, header false)`)
    duckMs.push(performance.now() - start)
    if (rows !== ROWS) throw new Error(`expected ${ROWS} records, wrote ${rows}`)
    if (repetition > 0) continue
    start = performance.now()
    for (const batch of batches) naive(batch)
    naiveMs.push(performance.now() - start)
  }
  await connection.run(`drop table ${name}`)
  const [ours, duck] = [median(oursMs), median(duckMs)]
  return {
    name,
    megabytes: round(bytes / 1e6),
    oursMs: round(ours),
    duckdbMs: round(duck),
    naiveMs: round(median(naiveMs)),
    ratioToDuckdb: round(duck / ours),
    bestRatioToDuckdb: round(Math.min(...duckMs) / Math.min(...oursMs)),
    ratioToNaive: round(median(naiveMs) / ours),
    megabytesPerSecond: round(bytes / 1e3 / ours),
  }
}

function naive(batch: RecordBatch): string {
  const columns = batch.schema.fields.map((_, index) => batch.getChildAt(index))
  const lines: string[] = []
  for (let row = 0; row < batch.numRows; row++) {
    const cells = columns.map((column): string => {
      const value = column?.get(row) as { toString(): string } | null | undefined
      if (value === null || value === undefined) return ''
      const text = value.toString()
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
    })
    lines.push(cells.join(','))
  }
  return lines.join('\n')
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
