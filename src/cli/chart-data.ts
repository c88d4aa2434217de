import type { RecordBatch, Schema } from 'apache-arrow'
import { columnTexts, describeColumn } from './cell-text.ts'
import type { RenderClause } from './render-clause.ts'
import { usageError } from './usage-error.ts'

export type ChartKind = 'bar' | 'column' | 'line' | 'area' | 'stackedarea' | 'pie' | 'scatter' | 'card' | 'table'

/** One point: where it is, which series it belongs to, how much. */
export interface ChartPoint {
  readonly x: string | number
  readonly series: string
  readonly y: number | null
}

/** What is drawn, whatever draws it. */
export interface ChartData {
  readonly kind: ChartKind
  readonly title: string
  readonly xTitle: string
  readonly yTitle: string
  readonly xType: 'time' | 'number' | 'text'
  readonly isStacked: boolean
  readonly series: readonly string[]
  readonly points: readonly ChartPoint[]
  /** Points beyond those that a chart takes. */
  readonly leftOut: number
}

const KINDS: ReadonlyMap<string, ChartKind> = new Map([
  ['barchart', 'bar'],
  ['columnchart', 'column'],
  ['linechart', 'line'],
  ['timechart', 'line'],
  ['anomalychart', 'line'],
  ['areachart', 'area'],
  ['stackedareachart', 'stackedarea'],
  ['piechart', 'pie'],
  ['treemap', 'pie'],
  ['scatterchart', 'scatter'],
  ['card', 'card'],
  ['table', 'table'],
])

/** Charts whose points have a place on an axis of numbers or times, where null has none. */
const PLACED: ReadonlySet<ChartKind> = new Set(['line', 'area', 'stackedarea', 'scatter'])

/** The kind of chart that a visualization's name stands for. @throws {KustoUsageError} CLI_USAGE for one that is not drawn */
export function chartKindOf(visualization: string): ChartKind {
  const kind = KINDS.get(visualization)
  if (kind !== undefined) return kind
  throw usageError(`expected render with one of ${[...KINDS.keys()].join(', ')}, found ${visualization}`)
}

/** Cells of a chart beyond which nobody sees more. */
const MAX_POINTS = 20_000

/**
 * The rows as points, by Kusto's rules: the first column that is a time (for a timechart) or the first column at all is the
 * x axis, columns of numbers are series of their own, columns of text split them.
 * @throws {KustoUsageError} CLI_USAGE when the rows have no column of numbers, or a property names no column
 */
export function chartData(clause: RenderClause, schema: Schema, batches: readonly RecordBatch[]): ChartData {
  const { properties, visualization } = clause
  const kind = chartKindOf(visualization)
  const columns = schema.fields.map(describeColumn)
  const names = columns.map(({ name }) => name)
  const isNumber = (name: string): boolean => {
    const column = columns.find((each) => each.name === name)
    return column?.kind === 'number' || column?.type === 'decimal'
  }
  const isTime = (name: string): boolean => columns.find((each) => each.name === name)?.type === 'datetime'
  const named = (property: string): readonly string[] => {
    const list = (properties.get(property) ?? '')
      .replaceAll(/^\[|\]$/g, '')
      .split(',')
      .map((name) => name.trim().replaceAll(/^\['?|'?\]$/g, ''))
      .filter((name) => name !== '')
    const unknown = list.find((name) => !names.includes(name))
    if (unknown !== undefined)
      throw usageError(`render: ${property} names ${unknown}, which is none of the columns ${names.join(', ')}`)
    return list
  }
  const [xGiven] = named('xcolumn')
  const first = visualization === 'timechart' || visualization === 'anomalychart' ? names.find(isTime) : undefined
  const x = xGiven ?? first ?? names[0] ?? ''
  const yGiven = named('ycolumns')
  const ys = yGiven.length > 0 ? yGiven : names.filter((name) => name !== x && isNumber(name))
  const seriesGiven = named('series')
  const split =
    seriesGiven.length > 0
      ? seriesGiven
      : names.filter(
          (name) =>
            name !== x &&
            !ys.includes(name) &&
            !isTime(name) &&
            columns.find((each) => each.name === name)?.type === 'string',
        )
  const values = ys.length === 0 && kind === 'card' ? [x] : ys
  if (values.length === 0 && kind !== 'table')
    throw usageError(
      `render ${visualization} needs a column of numbers, found ${columns.map(({ name, type }) => `${name}: ${type}`).join(', ')}`,
    )
  const isNumeric = isNumber(x) && kind !== 'bar' && kind !== 'column' && kind !== 'pie'
  const xType = isTime(x) ? 'time' : isNumeric ? 'number' : 'text'
  const points: ChartPoint[] = []
  let leftOut = 0
  for (const batch of batches) {
    const cells = new Map(columnTexts(batch).map((column) => [column.name, column]))
    for (let row = 0; row < batch.numRows; row++) {
      const at = cells.get(x)?.at(row) ?? null
      if (at === null && xType !== 'text' && PLACED.has(kind)) continue
      if (points.length >= MAX_POINTS) {
        leftOut += values.length
        continue
      }
      const group = split.map((name) => cells.get(name)?.at(row) ?? '').join(', ')
      for (const name of values) {
        const text = cells.get(name)?.at(row) ?? null
        const y = text === null ? null : Number(text)
        const series = group === '' ? name : values.length === 1 ? group : `${group}: ${name}`
        points.push({
          x: isNumeric ? Number(at) : (at ?? ''),
          series,
          y: y !== null && Number.isFinite(y) ? y : null,
        })
      }
    }
  }
  return {
    kind,
    title: properties.get('title') ?? '',
    xTitle: properties.get('xtitle') ?? x,
    yTitle: properties.get('ytitle') ?? (values.length === 1 ? (values[0] ?? '') : ''),
    xType,
    isStacked:
      kind === 'stackedarea' ||
      (properties.get('kind') ?? '').startsWith('stacked') ||
      ((kind === 'bar' || kind === 'column') && properties.get('kind') === undefined),
    series: [...new Set(points.map((point) => point.series))],
    points,
    leftOut,
  }
}
