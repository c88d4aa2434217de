import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { RecordBatch } from 'apache-arrow'
import { kustoColumns } from '../src/arrow/kusto-columns.ts'
import { encodeParquet } from '../src/arrow/parquet-encode.ts'
import { encodeBlob } from '../src/sink/encode-blob.ts'
import { EncodePool } from '../src/sink/encode-pool.ts'
import { type Cost, costOf, machine, ratioOf, round, summarize } from './measure.ts'
import { compareCells, makeTable, withDuckDb, type WriteTable } from './write-tables.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 7)
const SUBJECTS: readonly WriteTable[] = ['flights', 'flat']
const CODECS = ['snappy', 'zstd'] as const

type Side = 'snappy' | 'zstd' | 'snappyInTwoThreads' | 'csvGz' | 'duckdbSnappy' | 'duckdbZstd'

/**
 * Batches to the bytes of a Parquet blob on the calling thread, against DuckDB COPY with one thread, to a file; and the
 * bytes of a row in each format a write may take. DuckDB reads what we wrote and compares all cells before times are taken.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const results = await withDuckDb(async (connection, folder) => {
    const found: object[] = []
    for (const name of SUBJECTS) found.push(await measure(name, connection, folder))
    return found
  })
  console.log(JSON.stringify({ bench: 'parquet-write', ...facts, must: { snappyToDuckdb: 0.6 }, results }))
}

async function measure(name: WriteTable, connection: DuckDBConnection, folder: string): Promise<object> {
  const batches = await makeTable(connection, folder, name)
  const rows = batches.reduce((sum, { numRows }) => sum + numRows, 0)
  const pool = new EncodePool(2)
  const sides = sidesOf(name, { batches, connection, folder, pool })
  const bytes = new Map<Side, number>()
  const costs = new Map<Side, Cost[]>()
  try {
    for (const [codec, extension] of [
      ['snappy', 'parquet'],
      ['zstd', 'parquet'],
      ['csvGz', 'csv.gz'],
    ] as const) {
      const path = join(folder, `${name}-${codec}.${extension}`)
      writeFileSync(path, await sides[codec]())
      const from = extension === 'parquet' ? `read_parquet('${path}')` : await csvOf(connection, name, path)
      await compareCells(connection, name, from)
    }
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      for (const [side, work] of Object.entries(sides) as [Side, (typeof sides)[Side]][]) {
        let made: Uint8Array | undefined
        const cost = await costOf(async () => {
          made = await work()
        })
        costs.set(side, [...(costs.get(side) ?? []), cost])
        if (made !== undefined) bytes.set(side, made.length)
      }
    }
  } finally {
    await pool.close()
  }
  for (const codec of CODECS)
    bytes.set(duckdbSide(codec), statSync(join(folder, `${name}-duckdb-${codec}.parquet`)).size)
  await connection.run(`drop table ${name}`)
  const summaries = Object.fromEntries([...costs].map(([side, all]) => [side, summarize(all)])) as Record<
    Side,
    ReturnType<typeof summarize>
  >
  return {
    name,
    rows,
    bytesPerRow: Object.fromEntries([...bytes].map(([side, size]) => [side, round(size / rows)])),
    ...summaries,
    ratioToDuckdbSnappy: ratioOf(summaries.snappy, summaries.duckdbSnappy),
    ratioToDuckdbZstd: ratioOf(summaries.zstd, summaries.duckdbZstd),
    ratioToDuckdbSnappyInTwoThreads: ratioOf(summaries.snappyInTwoThreads, summaries.duckdbSnappy),
  }
}

interface Inputs {
  readonly batches: readonly RecordBatch[]
  readonly connection: DuckDBConnection
  readonly folder: string
  readonly pool: EncodePool
}

/** Each gives the bytes of one file, but for DuckDB, which writes it, and for threads, which make two. */
function sidesOf(
  name: WriteTable,
  { batches, connection, folder, pool }: Inputs,
): Readonly<Record<Side, () => Promise<Uint8Array>>> {
  const [first] = batches
  if (first === undefined) throw new Error('expected batches')
  const { schema } = first
  const encoding = { columns: kustoColumns(schema), hasHeader: false, rowOffset: 0 }
  const inline = (codec: 'snappy' | 'zstd') => async (): Promise<Uint8Array> =>
    (await encodeParquet(schema, batches, { compression: codec })).bytes
  const duckdb = (codec: 'snappy' | 'zstd') => async (): Promise<Uint8Array> => {
    const path = join(folder, `${name}-duckdb-${codec}.parquet`)
    await connection.run(`copy ${name} to '${path}' (format parquet, compression ${codec})`)
    return new Uint8Array(0)
  }
  const half = Math.ceil(batches.length / 2)
  return {
    snappy: inline('snappy'),
    duckdbSnappy: duckdb('snappy'),
    zstd: inline('zstd'),
    duckdbZstd: duckdb('zstd'),
    snappyInTwoThreads: async () => {
      const parts = [batches.slice(0, half), batches.slice(half)].map((part) =>
        pool.encode({ schema, batches: part }, { ...encoding, format: 'parquet', compression: 'snappy' }),
      )
      const wholes = await Promise.all(parts)
      return Buffer.concat(wholes.flatMap(({ chunks }) => chunks))
    },
    csvGz: async () => {
      const encoded = encodeBlob({ schema, batches }, { ...encoding, format: 'csv', compression: 'zstd' })
      const chunks: Uint8Array[] = []
      for await (const chunk of encoded.chunks) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
  }
}

function duckdbSide(codec: 'snappy' | 'zstd'): Side {
  return codec === 'snappy' ? 'duckdbSnappy' : 'duckdbZstd'
}

/** With the table's own types, so that no guess comes in between; a number that lost a digit would be another one. */
async function csvOf(connection: DuckDBConnection, name: WriteTable, path: string): Promise<string> {
  const columns = (await connection.runAndReadAll(`describe ${name}`)).getRows()
  const types = columns.map(([column, type]) => `'${String(column)}': '${String(type)}'`).join(', ')
  return `read_csv('${path}', header = false, columns = {${types}})`
}
