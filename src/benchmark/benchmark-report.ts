import { benchmarkCharts } from './benchmark-charts.ts'
import { EMBEDDED, notesOf, problemsOf } from './benchmark-notes.ts'
import type { BenchmarkResult } from './benchmark-result.ts'
import type { BenchmarkChart, ChartSize } from './chart-spec.ts'
import { drawChart } from './draw-chart.ts'
import { bytesText, countText, secondsText } from './number-text.ts'
import { parseBenchmark } from './parse-benchmark.ts'
import { REPORT_STYLE } from './report-style.ts'

const WIDE: ChartSize = { width: 680, isNarrow: false, theme: 'page' }
const NARROW: ChartSize = { width: 270, isNarrow: true, theme: 'page' }

/**
 * A result as one HTML page that needs nothing else: charts as SVG, the numbers of each below it, light and dark, wide and
 * narrow. Takes a result or its JSON.
 * @throws {KustoUsageError} KUSTO_BAD_BENCHMARK; KUSTO_PEER_MISSING when `vega` or `vega-lite` are not installed
 */
export async function benchmarkReport(json: unknown): Promise<string> {
  const result = parseBenchmark(json)
  const title = result.subject === 'export' ? 'Benchmark of partitioned export' : 'Benchmark of writing'
  const sections: string[] = []
  for (const chart of benchmarkCharts(result)) sections.push(await section(chart))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="soft">${escape(result.service.database)} on ${escape(result.service.host)}, ${escape(result.startedAt)}</p>
<p class="answer">${escape(result.recommendation.sentence)}</p>
${notes(result)}
${facts(result)}
${sections.join('\n')}
${runsTable(result)}
</main>
</body>
</html>
`
}

function notes(result: BenchmarkResult): string {
  const problems = new Set(problemsOf(result))
  return notesOf(result)
    .map((note) => {
      const isBad = problems.has(note)
      const role = isBad ? ' role="alert"' : ''
      const strong = note === EMBEDDED ? `<strong>${escape(note)}</strong>` : escape(note)
      return `<p class="note${isBad ? ' bad' : ''}"${role}>${strong}</p>`
    })
    .join('\n')
}

function facts(result: BenchmarkResult): string {
  const { machine, versions, plan, answers, data, configurations, seconds } = result
  const rows: readonly (readonly [string, string])[] = [
    [result.subject === 'export' ? 'What was read' : 'What was written', data],
    ['Rows', (answers[0]?.rows ?? 0).toLocaleString('en')],
    [
      'What was run',
      `${configurations.length} configurations, ${plan.repetitions} repetitions asked for, in random order (seed ${plan.seed}), in ${secondsText(seconds)}`,
    ],
    [
      'Machine',
      `${machine.cpu}, ${machine.cores} cores, ${bytesText(machine.memoryBytes)}, ${machine.platform}, load ${machine.load} when it began`,
    ],
    [
      'Versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
  ]
  return `<dl>\n${rows.map(([name, text]) => `<dt>${name}</dt><dd>${escape(text)}</dd>`).join('\n')}\n</dl>`
}

async function section(chart: BenchmarkChart): Promise<string> {
  const { id, title, caption, head, rows } = chart
  const pictures = [
    figure(await drawChart(chart.spec(WIDE)), chart, 'wide'),
    figure(await drawChart(chart.spec(NARROW)), chart, 'narrow'),
  ]
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escape(title)}</h2>
<p class="soft">${withCode(caption)}</p>
${pictures.join('\n')}
${table(`The numbers of the chart: ${title.toLowerCase()}`, head, rows)}
</section>`
}

function figure(svg: string, { id, title }: BenchmarkChart, size: 'wide' | 'narrow'): string {
  const name = `${id}-${size}`
  const open = `<svg role="img" aria-labelledby="${name}" `
  return `<figure class="${size}">${svg.replace('<svg ', open).replace('>', `><title id="${name}">${escape(title)}</title>`)}</figure>`
}

function runsTable({ runs, configurations }: BenchmarkResult): string {
  const labels = new Map(configurations.map(({ id, label }) => [id, label]))
  const rows = runs.map(({ configuration, round, outcome, measures }) => [
    configuration,
    labels.get(configuration) ?? '',
    String(round),
    outcome,
    measures === undefined ? '-' : secondsText(measures.seconds),
    measures === undefined ? '-' : countText(measures.rows),
    measures === undefined ? '-' : measures.cpuSeconds.toFixed(2),
    measures === undefined ? '-' : bytesText(measures.peakMemoryBytes),
  ])
  const head = ['id', 'configuration', 'round', 'outcome', 'seconds', 'rows', 'processor seconds', 'peak memory']
  return `<section aria-labelledby="runs">
<h2 id="runs">Every run, in the order it was made</h2>
<p class="soft">Round 0 warms up and does not count. The JSON result has the same with all phases.</p>
${table('Every run', head, rows)}
</section>`
}

const TEXT_COLUMNS: ReadonlySet<string> = new Set(['configuration', 'phase', 'outcome'])

function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const kind = head.map((name) => (TEXT_COLUMNS.has(name) ? ' class="text"' : ''))
  const heads = head.map((name, column) => `<th scope="col"${kind[column] ?? ''}>${escape(name)}</th>`).join('')
  const body = rows
    .map((row) => `<tr>${row.map((cell, column) => `<td${kind[column] ?? ''}>${escape(cell)}</td>`).join('')}</tr>`)
    .join('\n')
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escape(caption)}">
<table><caption>${escape(caption)}</caption><thead><tr>${heads}</tr></thead><tbody>
${body}
</tbody></table></div>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

function withCode(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}
