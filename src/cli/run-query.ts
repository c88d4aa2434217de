import { writeFile } from 'node:fs/promises'
import type { RecordBatch } from 'apache-arrow'
import { chartData, chartKindOf } from './chart-data.ts'
import { checkOutputs } from './check-output.ts'
import { chartHtml, chartSvg } from './chart-file.ts'
import type { CliCall } from './cli-command.ts'
import { writeAll } from './cli-screen.ts'
import type { Rows } from './encode-rows.ts'
import { EXIT } from './exit-codes.ts'
import { openConnection } from './open-connection.ts'
import { formatCount } from './quantities.ts'
import { isTextFormat } from './output-format.ts'
import { queryOf, queryText } from './read-query.ts'
import { propertiesOf } from './read-options.ts'
import { renderClause } from './render-clause.ts'
import type { RenderClause } from './render-clause.ts'
import { rowsOf, withSchema } from './rows-of.ts'
import { showRows } from './show-rows.ts'
import { tellRead } from './tell-read.ts'
import { terminalChart } from './terminal-chart.ts'
import { TEXT_TYPES } from './text-types.ts'
import { usageError } from './usage-error.ts'
import { outputFormat, showFirst, SHOWN_ROWS, writeOut } from './write-out.ts'

/** Sends a query as it is; with `--render` its rows become a chart. */
export async function runQuery(call: CliCall): Promise<number> {
  const { flags, screen, signal } = call
  const text = await queryText(call)
  const clause = clauseOf(call, text)
  const file = flags.text('render')
  if (file !== undefined && file !== '' && !/\.(?:svg|html?)$/i.test(file)) {
    throw usageError(`expected --render to name an .svg or .html file, found ${file}`)
  }
  const format = await outputFormat(call)
  await checkOutputs(flags, ['render'])
  const timeoutMs = flags.durationMs('timeout')
  const tell = tellRead(call)
  await using connection = await openConnection(call, { mentions: text, storage: false })
  const read = connection.kusto.query(queryOf(text, flags.list('param')), {
    ...(isTextFormat(format) || clause !== undefined ? TEXT_TYPES : {}),
    properties: propertiesOf(flags.list('property')),
    signal,
    onEvent: tell.onEvent,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  })
  screen.progress.phase('reading', { rows: 0 })
  const rows = await withSchema(read)
  if (clause !== undefined) return await draw(call, { clause, rows, text, file })
  if (format === 'table') return await showFirst(call, rows)
  return await writeOut(call, { rows, format, tell })
}

function clauseOf({ flags }: CliCall, text: string): RenderClause | undefined {
  const chart = flags.text('chart')
  if (!flags.isGiven('render') && chart === undefined) return undefined
  const found = renderClause(text)
  const clause =
    chart === undefined ? found : { visualization: chart, properties: found?.properties ?? new Map<string, string>() }
  if (clause === undefined) throw usageError('the query does not end with render: add one, or say which with --chart')
  chartKindOf(clause.visualization)
  return clause
}

interface Drawing {
  readonly clause: RenderClause
  readonly rows: Rows
  readonly text: string
  readonly file: string | undefined
}

async function draw(call: CliCall, { clause, rows, text, file }: Drawing): Promise<number> {
  const { io, screen } = call
  const batches: RecordBatch[] = []
  for await (const batch of rows.batches) batches.push(batch)
  const { schema } = rowsOf(rows.schema, batches)
  const data = chartData(clause, schema, batches)
  screen.progress.end()
  if (data.leftOut > 0 && data.kind !== 'table') {
    screen.warn(
      `the chart has the first ${formatCount(data.points.length)} points only, and not the ${formatCount(data.leftOut)} behind them: let the query summarize`,
    )
  }
  if (file === undefined || file === '') {
    const chart =
      data.kind === 'table'
        ? showRows({ schema, batches, most: SHOWN_ROWS }, call)
        : terminalChart(data, { width: io.stdout.columns ?? 80, paint: screen.paint })
    if (screen.isJson) await screen.result(data, '')
    else await writeAll(io.stdout, chart)
    return EXIT.done
  }
  const picture = /\.svg$/i.test(file) ? `${await chartSvg(data)}\n` : await chartHtml(data, text)
  await writeFile(file, picture)
  screen.note(`wrote ${file}`)
  if (screen.isJson) await screen.result({ file, kind: data.kind, points: data.points.length }, '')
  return EXIT.done
}
