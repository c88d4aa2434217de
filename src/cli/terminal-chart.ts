import type { Paint } from './ansi.ts'
import type { ChartData } from './chart-data.ts'
import { formatCount } from './quantities.ts'
import { cutToWidth, padToWidth, textWidth, visible } from './text-width.ts'

export interface TerminalChartOptions {
  readonly width: number
  readonly paint: Paint
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
/** Bars of a chart; the rest is said. */
const MAX_BARS = 40
const ROWS = 12
/** Marks of series in a plot, in order. */
const MARKS = ['●', '○', '▲', '△', '■', '□', '◆', '◇']

/** A small chart of block characters: bars for categories, a plot for lines. */
export function terminalChart(data: ChartData, options: TerminalChartOptions): string {
  const title = data.title === '' ? '' : `${options.paint.bold(visible(data.title))}\n`
  if (data.kind === 'card') return `${title}${data.points.map(({ y }) => formatValue(y)).join('  ')}\n`
  if (data.xType === 'text') return title + bars(data, options)
  return title + plot(data, options)
}

function bars({ points, series }: ChartData, { width, paint }: TerminalChartOptions): string {
  const shown = points.slice(0, MAX_BARS)
  const labels = shown.map(({ x, series: name }) => visible(series.length > 1 ? `${x} ${name}` : String(x)))
  const values = shown.map(({ y }) => formatValue(y))
  const labelWidth = Math.min(Math.max(0, ...labels.map(textWidth)), Math.floor(width / 3))
  const valueWidth = Math.max(0, ...values.map((value) => value.length))
  const room = Math.max(4, width - labelWidth - valueWidth - 4)
  const most = Math.max(0, ...shown.map(({ y }) => Math.abs(y ?? 0)))
  const lines = shown.map(({ y }, index) => {
    const eighths = most === 0 ? 0 : Math.round((Math.abs(y ?? 0) / most) * room * 8)
    const bar = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
    const label = padToWidth(cutToWidth(labels[index] ?? '', labelWidth), labelWidth, 'left')
    return `${label}  ${(values[index] ?? '').padStart(valueWidth)}  ${(y ?? 0) < 0 ? paint.red(bar) : paint.cyan(bar)}`.trimEnd()
  })
  const left = points.length - shown.length
  return `${lines.join('\n')}\n${left > 0 ? paint.dim(`and ${formatCount(left)} more\n`) : ''}`
}

function plot({ points, series, xType }: ChartData, { width, paint }: TerminalChartOptions): string {
  const known = points.flatMap(({ x, y, series: name }) => {
    const at = xType === 'time' ? Date.parse(String(x)) : Number(x)
    return y === null || Number.isNaN(at) ? [] : [{ at, y, name, x }]
  })
  const [first] = known
  if (first === undefined) return 'no values\n'
  const low = Math.min(...known.map(({ y }) => y))
  const high = Math.max(...known.map(({ y }) => y))
  const from = Math.min(...known.map(({ at }) => at))
  const to = Math.max(...known.map(({ at }) => at))
  const scale = [formatValue(high), formatValue(low)]
  const margin = Math.max(...scale.map((text) => text.length))
  const columns = Math.max(10, width - margin - 3)
  const cells = Array.from({ length: ROWS }, () => Array.from({ length: columns }, () => ' '))
  for (const { at, y, name } of known) {
    const column = to === from ? 0 : Math.round(((at - from) / (to - from)) * (columns - 1))
    const row = high === low ? ROWS - 1 : Math.round(((high - y) / (high - low)) * (ROWS - 1))
    const line = cells[row]
    if (line !== undefined) line[column] = MARKS[series.indexOf(name) % MARKS.length] ?? '●'
  }
  const lines = cells.map((line, row) => {
    const label = row === 0 ? (scale[0] ?? '') : row === ROWS - 1 ? (scale[1] ?? '') : ''
    return `${label.padStart(margin)} ${paint.dim('│')}${paint.cyan(line.join('').trimEnd())}`.trimEnd()
  })
  const ends = known.reduce(
    (ends, point) => ({
      first: point.at < ends.first.at ? point : ends.first,
      last: point.at > ends.last.at ? point : ends.last,
    }),
    { first, last: first },
  )
  const [left, right] = [shortTime(ends.first.x), shortTime(ends.last.x)]
  const axis = `${' '.repeat(margin)} ${paint.dim(`└${'─'.repeat(columns)}`)}`
  const under = `${' '.repeat(margin + 2)}${left}${right.padStart(Math.max(right.length + 1, columns - left.length))}`
  const legend =
    series.length > 1
      ? `${series.map((name, index) => `${MARKS[index % MARKS.length] ?? ''} ${visible(name)}`).join('  ')}\n`
      : ''
  return `${lines.join('\n')}\n${axis}\n${under}\n${legend}`
}

function formatValue(value: number | null): string {
  if (value === null) return 'null'
  return Number.isInteger(value) ? formatCount(value) : String(Number(value.toPrecision(6)))
}

function shortTime(x: string | number): string {
  return String(x)
    .replace(/^(\d{4}-\d\d-\d\d)T00:00:00\.0+Z$/, '$1')
    .replace(/T(\d\d:\d\d):00\.0+Z$/, ' $1')
    .replace(/\.0+Z$/, 'Z')
}
