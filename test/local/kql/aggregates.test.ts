import { describe, expect, it } from 'vitest'

import type { Sql } from '../../../src/local/kql/sql.ts'
import type { ScalarName } from '../../../src/local/lang/syntax.ts'
import { column, lit, sqlBench } from './sql-bench.ts'

const bench = sqlBench()

const NUMBERS = '(VALUES (1, 3::BIGINT), (2, 1::BIGINT), (3, NULL), (4, 2::BIGINT)) t(o, x)'
const NOTHING = "(SELECT NULL::BIGINT x, NULL::DOUBLE r, '' s, NULL::VARCHAR d, 1 o WHERE false) t"
const WORDS = "(VALUES (1, 'b', true), (2, 'a', false), (3, 'b', true), (4, '', NULL)) t(o, s, p)"
const BAGS = `(VALUES (1, '{"a":1}'), (2, '{"b":2,"a":9}'), (3, NULL)) t(o, d)`
const LATENCY = '(VALUES (8::BIGINT, 10::BIGINT), (6, 20), (3, 30), (1, 40)) t(w, v)'

const x = column('x', 'long')
const s = column('s', 'string')
const p = column('p', 'bool')
const d = column('d', 'dynamic')

describe('aggregates', () => {
  it.each<[string, readonly Sql[], ScalarName, string, unknown]>([
    ['count', [], 'long', NUMBERS, 4n],
    ['countif', [p], 'long', WORDS, 2n],
    ['sum', [x], 'long', NUMBERS, 6n],
    ['sum', [x], 'long', NOTHING, 0n],
    ['avg', [x], 'real', NUMBERS, 2],
    ['avg', [x], 'real', NOTHING, Number.NaN],
    ['min', [x], 'long', NUMBERS, 1n],
    ['max', [x], 'long', NOTHING, null],
    ['max', [s], 'string', NOTHING, ''],
    ['dcount', [s], 'long', WORDS, 3n],
    ['dcount', [x], 'long', NUMBERS, 3n],
    ['dcountif', [s, p], 'long', WORDS, 1n],
    ['count_distinct', [s], 'long', WORDS, 3n],
    ['make_list', [x], 'dynamic', NUMBERS, '[3,1,2]'],
    ['make_list', [x, lit.long(2)], 'dynamic', NUMBERS, '[3,1]'],
    ['make_list', [x], 'dynamic', NOTHING, '[]'],
    ['make_list_with_nulls', [x], 'dynamic', NUMBERS, '[3,1,null,2]'],
    ['make_list_if', [s, p], 'dynamic', WORDS, '["b","b"]'],
    ['make_set', [s], 'dynamic', WORDS, '["","a","b"]'],
    ['make_set_if', [s, p], 'dynamic', WORDS, '["b"]'],
    ['make_bag', [d], 'dynamic', BAGS, '{"a":1,"b":2}'],
    ['make_bag', [d], 'dynamic', NOTHING, '{}'],
    ['take_any', [x], 'long', NUMBERS, 3n],
    ['percentile', [x, lit.long(50)], 'long', NUMBERS, 2n],
    ['percentile', [x, lit.long(100)], 'long', NUMBERS, 3n],
    ['percentile', [x, lit.long(50)], 'long', NOTHING, null],
    ['percentiles_array', [x, lit.long(5), lit.long(95)], 'dynamic', NUMBERS, '[1,3]'],
    ['binary_all_xor', [x], 'long', NUMBERS, 0n],
    ['buildschema', [d], 'dynamic', BAGS, '{"a":"long","b":"long"}'],
  ])('%s(%#) of %s', async (name, args, type, from, expected) => {
    expect(await bench.aggregate(name, args, type, from, 'o')).toEqual([expected])
  })

  it('sums past 64 bits is an error, not a wrapped number', async () => {
    const from = '(VALUES (9223372036854775807::BIGINT), (1)) t(x)'
    await expect(bench.aggregate('sum', [x], 'long', from)).rejects.toThrow(/out of range|overflow/i)
  })

  it('takes all columns of arg_max from the row of the maximum, nulls included', async () => {
    const from = "(VALUES (1, 1::BIGINT, 'a'), (2, 5::BIGINT, ''), (3, NULL, 'c')) t(o, x, s)"
    expect(await bench.aggregate('arg_max', [x, s], 'long', from, 'o')).toEqual([5n, ''])
    expect(await bench.aggregate('arg_min', [x, s], 'long', from, 'o')).toEqual([1n, 'a'])
  })

  it('gives the first row when arg_max sees only nulls', async () => {
    const from = "(VALUES (2, NULL::BIGINT, 'late'), (1, NULL, 'first')) t(o, x, s)"
    expect(await bench.aggregate('arg_max', [x, s], 'long', from, 'o')).toEqual([null, 'first'])
  })

  it('counts weights in weighted percentiles', async () => {
    const [v, w] = [column('v', 'long'), column('w', 'long')]
    const percents = [lit.long(50), lit.long(75), lit.real(99.9)]
    expect(await bench.aggregate('percentilesw', [v, w, ...percents], 'long', LATENCY)).toEqual([20n, 20n, 40n])
    expect(
      await bench.aggregate('percentilesw_array', [v, w, lit.dynamic('[50,75,99.9]')], 'dynamic', LATENCY),
    ).toEqual(['[20,20,40]'])
  })

  it('flattens arrays into a set and tells values from texts', async () => {
    const from = `(VALUES (1, '["A","B"]'), (2, '["B",1.0]'), (3, '1')) t(o, d)`
    expect(await bench.aggregate('make_set', [d], 'dynamic', from, 'o')).toEqual(['["A","B",1.0]'])
  })

  it('computes sample and population statistics', async () => {
    const from = '(SELECT unnest([1, 2, 3, 4, 5])::BIGINT x) t'
    expect(await bench.aggregate('variance', [x], 'real', from)).toEqual([2.5])
    expect(await bench.aggregate('variancep', [x], 'real', from)).toEqual([2])
    expect(await bench.aggregate('stdev', [x], 'real', from)).toEqual([1.5811388300841898])
  })

  it('restores the distinct count and the percentiles from sketches', async () => {
    const from = '(SELECT unnest([1, 2, 2, 3])::BIGINT x) t'
    const [hll] = await bench.aggregate('hll', [x], 'dynamic', from)
    expect(await bench.call('dcount_hll', [lit.dynamic(String(hll))], 'long')).toBe(3n)
    const [digest] = await bench.aggregate('tdigest', [x], 'dynamic', from)
    expect(await bench.call('percentile_tdigest', [lit.dynamic(String(digest)), lit.long(100)], 'dynamic')).toBe('3')
  })

  it('gives aggregates in the type the binder promises', async () => {
    const from = '(SELECT unnest([1, 3]) x) t'
    const whole = column('x', 'int')
    expect(await bench.aggregate('binary_all_or', [whole], 'int', from)).toEqual([3])
    expect(await bench.aggregate('percentilew', [whole, lit.long(1), lit.long(50)], 'long', from)).toEqual([1n])
    const decimal = column('x::DECIMAL(38,18)', 'decimal')
    expect(await bench.aggregate('percentile', [decimal, lit.long(100)], 'real', from)).toEqual([3])
  })

  it('refuses percentiles that are not literals and percentiles of text', async () => {
    await expect(bench.aggregate('percentile', [x, x], 'long', NUMBERS)).rejects.toThrow(/not supported/)
    await expect(bench.aggregate('percentile', [s, lit.long(50)], 'string', WORDS)).rejects.toThrow(/not supported/)
  })
})
