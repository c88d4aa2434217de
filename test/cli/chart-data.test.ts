import {
  type Data,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { chartData } from '../../src/cli/chart-data.ts'
import type { ChartData } from '../../src/cli/chart-data.ts'

/** A chart of these x and y. */
function chartOf(visualization: string, type: 'long' | 'datetime' | 'string', xs: readonly unknown[]): ChartData {
  const x = type === 'long' ? vectorFromArray(xs, new Int64()) : vectorFromArray(xs, new Utf8())
  const y = vectorFromArray(
    xs.map((_, index) => index),
    new Float64(),
  )
  const fields = [
    new Field('x', x.type, true, new Map([['kusto:type', type]])),
    new Field('y', y.type, true, new Map([['kusto:type', 'real']])),
  ]
  const children = [x, y].map(({ data }) => data[0] as Data)
  const struct = makeData({ type: new Struct(fields), length: xs.length, children })
  const schema = new Schema(fields)
  return chartData({ visualization, properties: new Map() }, schema, [new RecordBatch(schema, struct)])
}

describe('the points of a chart', () => {
  it.each([
    ['linechart', 'long', [1n, null, 3n], [1, 3]],
    ['scatterchart', 'long', [null, 3n], [3]],
    ['timechart', 'datetime', ['2026-01-01T00:00:00Z', null], ['2026-01-01T00:00:00Z']],
    ['linechart', 'string', ['a', null], ['a', '']],
    ['barchart', 'long', [1n, null], ['1', '']],
  ] as const)('%s of %s: a null has no place on an axis of numbers or times', (visualization, type, xs, expected) => {
    expect(chartOf(visualization, type, xs).points.map(({ x }) => x)).toEqual(expected)
  })

  it('say how many were left out', () => {
    const most = Array.from({ length: 20_003 }, (_, index) => BigInt(index))
    const { points, leftOut } = chartOf('linechart', 'long', most)
    expect([points.length, leftOut]).toEqual([20_000, 3])
    expect(chartOf('linechart', 'long', [1n]).leftOut).toBe(0)
  })
})
