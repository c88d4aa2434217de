import { writeFileSync } from 'node:fs'
import { compareCells, csvOf, encodeAll, NESTED, withSubject } from './csv-subjects.ts'
import { type Cost, costOf, machine, ratioOf, round, summarize } from './measure.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 7)

/**
 * Structs and lists to JSON inside CSV, against DuckDB's `COPY` with one thread to a file in memory: of `to_json`, which is
 * the same text, and of the columns as they are, which is DuckDB's own notation and less work. In turns, each side once
 * before; DuckDB reads every cell of our CSV first.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const result = await withSubject(NESTED, async (bench) => {
    const { batches, connection, file, subject } = bench
    const copy = (table: string): Promise<unknown> =>
      connection.run(`copy ${table} to '${file}' (format csv, header false)`)
    const copyJson = (): Promise<unknown> => copy(`(select to_json(s), to_json(l) from ${subject.name})`)
    writeFileSync(file, Buffer.concat([...csvOf(batches)]))
    await compareCells(bench)
    await copyJson()
    await compareCells(bench)
    const costs: Record<'ours' | 'json' | 'text', Cost[]> = { ours: [], json: [], text: [] }
    let bytes = 0
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      costs.ours.push(await costOf(() => Promise.resolve((bytes = encodeAll(batches)))))
      costs.json.push(await costOf(copyJson))
      costs.text.push(await costOf(() => copy(subject.name)))
    }
    const [ours, duckdbJson, duckdbText] = [summarize(costs.ours), summarize(costs.json), summarize(costs.text)]
    return {
      rows: subject.rows,
      megabytes: round(bytes / 1e6),
      ours,
      duckdbJson,
      duckdbText,
      ratioToDuckdbJson: ratioOf(ours, duckdbJson),
      ratioToDuckdbText: ratioOf(ours, duckdbText),
    }
  })
  console.log(JSON.stringify({ bench: 'csv-nested', ...facts, must: { duckdb: 1.3 }, ...result }))
}
