import { RecordBatch, Table, tableFromIPC } from 'apache-arrow'
import { parquetReadObjects } from 'hyparquet'
import { readParquet } from 'parquet-wasm'
import { FILES, FLIGHTS_ROWS, flightsParquet, readInline } from './flights-parquet.ts'
import { type Cost, costOf, machine, ratioOf, round, summarize } from './measure.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 7)
const SLOW_REPETITIONS = Math.min(2, REPETITIONS)
const COLUMNS = ['date', 'delay', 'distance', 'origin', 'destination'] as const

type Row = Readonly<Record<string, unknown>>

/**
 * Eight Parquet files in memory to one Arrow table in the query's schema, against parquet-wasm as its documentation shows
 * it (`readParquet`, IPC, `tableFromIPC`) and against the row objects of hyparquet, which are no Arrow yet. On one thread,
 * in turns, each side once before; all cells are compared first.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const files = (await flightsParquet()).map((file) => Uint8Array.from(file))
  compareTables(await readInline(files), readDefaults(files))
  compareRows(await readInline(files), await readRows(files))
  const costs: Record<'ours' | 'defaults' | 'rows', Cost[]> = { ours: [], defaults: [], rows: [] }
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    costs.ours.push(await costOf(async () => check((await readInline(files)).numRows)))
    costs.defaults.push(await costOf(() => Promise.resolve(check(readDefaults(files).numRows))))
    if (repetition >= SLOW_REPETITIONS) continue
    costs.rows.push(await costOf(async () => check((await readRows(files)).length)))
  }
  const [ours, defaults, rows] = [summarize(costs.ours), summarize(costs.defaults), summarize(costs.rows)]
  console.log(
    JSON.stringify({
      bench: 'parquet',
      ...facts,
      must: { parquetWasm: 1.6, hyparquet: 15 },
      files: FILES,
      rows: FLIGHTS_ROWS,
      megabytes: round(files.reduce((sum, file) => sum + file.length, 0) / 1e6),
      ours,
      parquetWasm: defaults,
      hyparquet: rows,
      ratioToParquetWasm: ratioOf(ours, defaults),
      ratioToHyparquet: ratioOf(ours, rows),
    }),
  )
}

function readDefaults(files: readonly Uint8Array[]): Table {
  const batches = files.flatMap((file): RecordBatch[] => tableFromIPC(readParquet(file).intoIPCStream()).batches)
  return new Table(batches)
}

async function readRows(files: readonly Uint8Array<ArrayBuffer>[]): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const { buffer } of files) for (const row of await parquetReadObjects({ file: buffer })) rows.push(row)
  return rows
}

function check(rows: number): void {
  if (rows !== FLIGHTS_ROWS) throw new Error(`expected ${FLIGHTS_ROWS} rows, found ${rows}`)
}

/** Every cell of both tables, as their vectors give them. */
function compareTables(ours: Table, theirs: Table): void {
  check(ours.numRows)
  check(theirs.numRows)
  for (const name of COLUMNS) {
    const other = valuesOf(theirs, name)
    let row = 0
    for (const value of valuesOf(ours, name)) {
      const { value: expected } = other.next()
      if (value !== expected) throw new Error(`${name}[${row}]: expected ${String(expected)}, found ${String(value)}`)
      row++
    }
  }
}

function compareRows(ours: Table, rows: readonly Row[]): void {
  check(rows.length)
  for (const name of COLUMNS) {
    let row = 0
    for (const value of valuesOf(ours, name)) {
      const cell = rows[row]?.[name]
      const expected = cell instanceof Date ? cell.getTime() : cell
      if (value !== expected) throw new Error(`${name}[${row}]: expected ${String(expected)}, found ${String(value)}`)
      row++
    }
  }
}

function* valuesOf(table: Table, name: string): Generator<unknown, void> {
  for (const batch of table.batches) {
    const vector = batch.getChild(name)
    if (vector === null) throw new Error(`expected a column ${name}`)
    for (let row = 0; row < batch.numRows; row++) yield vector.get(row)
  }
}
