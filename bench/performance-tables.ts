import { benchmarkCharts } from '../src/benchmark/benchmark-charts.ts'
import type { BenchmarkResult } from '../src/benchmark/benchmark-result.ts'
import { drawChart } from '../src/benchmark/draw-chart.ts'
import { bytesText, countText, secondsText } from '../src/benchmark/number-text.ts'
import { parseBenchmark } from '../src/benchmark/parse-benchmark.ts'
import { type Figure, FIGURES, type Step } from './performance-figures.ts'

/** The recorded results by suite, as their files hold them. */
export type Recorded = ReadonlyMap<string, unknown>

/** The page with the tables between its markers made anew; text outside of them is left as it is. */
export function withTables(page: string, recorded: Recorded): string {
  const tables = new Map([
    ['figures', figuresTable(recorded)],
    ['export', exportTable(recorded.get('export'))],
  ])
  return [...tables].reduce((text, [name, table]) => replaced(text, name, table), page)
}

function replaced(page: string, name: string, table: string): string {
  const [begin, end] = [`<!-- begin ${name}: made by npm run bench -->`, `<!-- end ${name} -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`expected ${begin} and ${end} in the page`)
  return `${page.slice(0, from)}${begin}\n\n${table}\n${page.slice(to)}`
}

function figuresTable(recorded: Recorded): string {
  const rows = FIGURES.flatMap((figure) => {
    const json = recorded.get(figure.suite)
    return json === undefined ? [] : [figureRow(figure, json)]
  })
  return markdown(['what', 'against, in the same run', 'must', 'measured', 'file', 'load'], rows)
}

function figureRow(figure: Figure, json: unknown): readonly string[] {
  const { suite, what, against, kind, must } = figure
  const file = `[${suite}](../bench/results/${suite}.json)`
  const load = String(Number(follow(json, ['load'], suite)))
  const bar = must === undefined ? '' : kind === 'megabytes' ? `<= ${must} MB` : `>= ${must}x`
  const { text, value } = measured(figure, json)
  const isBelow = must !== undefined && (kind === 'megabytes' ? value > must : value < must)
  return [what, against, bar, isBelow ? `**${text}**` : text, file, load]
}

function measured({ suite, kind, at }: Figure, json: unknown): { readonly text: string; readonly value: number } {
  if (kind !== 'ratio') {
    const value = Number(follow(json, at, suite))
    return {
      value,
      text: kind === 'times' ? `${value.toFixed(value < 2 ? 2 : 1)}x` : `${Math.round(value)} MB at most`,
    }
  }
  const [wall, cpu] = [Number(follow(json, [...at, 'median'], suite)), Number(follow(json, [...at, 'cpu'], suite))]
  const digits = wall < 2 && cpu < 2 ? 2 : 1
  return { value: wall, text: `${wall.toFixed(digits)}x wall, ${cpu.toFixed(digits)}x processor` }
}

/** What stands at a place of a result. */
function follow(json: unknown, steps: readonly Step[], suite: string): unknown {
  let at = json
  for (const step of steps) {
    const fields = Object.entries(at ?? {}) as readonly (readonly [string, unknown])[]
    at =
      typeof step === 'string'
        ? fields.find(([name]) => name === step)?.[1]
        : fields.find(([, one]) => Object.entries(step).every(([name, value]) => fieldOf(one, name) === value))?.[1]
    if (at === undefined) throw new Error(`expected ${JSON.stringify(step)} in the result of ${suite}`)
  }
  return at
}

function fieldOf(value: unknown, name: string): unknown {
  return Object.entries(value ?? {}).find(([key]) => key === name)?.[1]
}

function exportTable(json: unknown): string {
  if (json === undefined) return 'Not recorded yet.\n'
  const result = exportResult(json)
  const labels = new Map(result.configurations.map(({ id, label }) => [id, label]))
  const rows = result.summaries.map(({ configuration, runs, seconds, rowsPerSecond, phases, peakMemoryBytes }) => [
    labels.get(configuration) ?? configuration,
    String(runs),
    secondsText(seconds.median),
    countText(rowsPerSecond.median),
    rowsPerSecond.interval === undefined
      ? 'too few runs'
      : `${countText(rowsPerSecond.interval.low)} to ${countText(rowsPerSecond.interval.high)}`,
    ...['command', 'wait', 'download', 'decode'].map((phase) => secondsText(phases[phase]?.seconds.median ?? 0)),
    bytesText(peakMemoryBytes.median),
  ])
  const { machine, recommendation } = result
  const head = [
    'configuration',
    'runs',
    'seconds',
    'rows/s',
    '95 % interval',
    'command',
    'wait',
    'download',
    'decode',
    'peak memory',
  ]
  return `${markdown(head, rows)}\nOn ${machine.cpu} with ${machine.cores} cores, load ${machine.load}; ${(result.answers[0]?.rows ?? 0).toLocaleString('en')} rows. ${recommendation.sentence}\n`
}

/** The picture of the README: rows per second by partitions and workers; undefined before it was recorded. */
export async function exportPicture(recorded: Recorded): Promise<string | undefined> {
  const json = recorded.get('export')
  if (json === undefined) return undefined
  const chart = benchmarkCharts(exportResult(json)).find(({ id }) => id === 'throughput')
  if (chart === undefined) return undefined
  const spec = chart.spec({ width: 520, isNarrow: false, theme: 'picture' })
  const title = 'Ways to read 3,000,000 rows from the embedded Kusto: it measures the client'
  return `${await drawChart({ ...spec, title })}\n`
}

function exportResult(json: unknown): BenchmarkResult {
  return parseBenchmark(json)
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return `${line(head)}|${head.map(() => '---|').join('')}\n${rows.map(line).join('')}`
}
