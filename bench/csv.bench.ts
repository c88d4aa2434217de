import { writeFileSync } from 'node:fs'
import { type RecordBatch, Type } from 'apache-arrow'
import { stringify } from 'csv-stringify/sync'
import { compareCells, csvOf, type CsvSubject, encodeAll, FLAT, FLIGHTS, withSubject } from './csv-subjects.ts'
import { type Cost, costOf, machine, ratioOf, round, summarize } from './measure.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 7)
const SLOW_REPETITIONS = Math.min(2, REPETITIONS)

/**
 * Record batches to CSV bytes, against DuckDB's `COPY` with one thread to a file in memory, and against csv-stringify
 * given rows taken from the batches. One thread each, in turns, each side once before; DuckDB reads every cell of every
 * side's CSV first.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const results: object[] = []
  for (const subject of [FLIGHTS, FLAT]) results.push(await measure(subject))
  console.log(JSON.stringify({ bench: 'csv', ...facts, must: { csvStringify: 10, duckdb: 1.1 }, results }))
}

function measure(subject: CsvSubject): Promise<object> {
  return withSubject(subject, async (bench) => {
    const { batches, connection, file } = bench
    const copy = (): Promise<unknown> => connection.run(`copy ${subject.name} to '${file}' (format csv, header false)`)
    writeFileSync(file, Buffer.concat([...csvOf(batches)]))
    await compareCells(bench)
    writeFileSync(file, batches.map(stringifyRows).join(''))
    await compareCells(bench)
    await copy()
    const costs: Record<'ours' | 'duckdb' | 'stringify', Cost[]> = { ours: [], duckdb: [], stringify: [] }
    let bytes = 0
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      costs.ours.push(await costOf(() => Promise.resolve((bytes = encodeAll(batches)))))
      costs.duckdb.push(await costOf(copy))
      if (repetition >= SLOW_REPETITIONS) continue
      costs.stringify.push(await costOf(() => Promise.resolve(batches.map((batch) => stringifyRows(batch).length))))
    }
    const [ours, duckdb, csvStringify] = [summarize(costs.ours), summarize(costs.duckdb), summarize(costs.stringify)]
    return {
      name: subject.name,
      rows: subject.rows,
      megabytes: round(bytes / 1e6),
      ours,
      duckdb,
      csvStringify,
      ratioToCsvStringify: ratioOf(ours, csvStringify),
      ratioToDuckdb: ratioOf(ours, duckdb),
    }
  })
}

/** What a user of csv-stringify writes: rows out of the batch, and text out of the rows. */
function stringifyRows(batch: RecordBatch): string {
  const columns = batch.schema.fields.map((field, index) => {
    const vector = batch.getChildAt(index)
    const isTime = field.type.typeId === Type.Timestamp
    return (row: number): unknown => {
      const value: unknown = vector?.get(row)
      return isTime && typeof value === 'number' ? timeText(value) : value
    }
  })
  const rows: unknown[][] = []
  for (let row = 0; row < batch.numRows; row++) rows.push(columns.map((cell) => cell(row)))
  return stringify(rows, { cast: { boolean: String } })
}

/** ISO text of milliseconds with a fraction, to the microsecond. */
function timeText(milliseconds: number): string {
  const microseconds = Math.round(milliseconds * 1000)
  const whole = Math.floor(microseconds / 1000)
  const rest = String(microseconds - whole * 1000).padStart(3, '0')
  return new Date(whole).toISOString().replace('Z', `${rest}Z`)
}
