import { describe, expect, it } from 'vitest'

import { castTo, equals, greaterThan, lessThan, notEquals } from '../../../src/local/kql/casts.ts'
import type { Sql } from '../../../src/local/kql/sql.ts'
import type { ScalarName } from '../../../src/local/lang/syntax.ts'
import { lit, sqlBench } from './sql-bench.ts'

const bench = sqlBench()

/** The same value as a column would give it: the literal is not known while translating. */
function hidden(value: Sql): Sql {
  return { sql: value.sql, type: value.type }
}

describe('conversions', () => {
  it.each<[string, Sql, ScalarName, unknown]>([
    ['text of digits to long', lit.text('123'), 'long', 123n],
    ['text with a sign and blanks to long', lit.text(' -5 '), 'long', -5n],
    ['text with a fraction to long is null', lit.text('1.5'), 'long', null],
    ['other text to long is null', lit.text('x'), 'long', null],
    ['hex text to long', lit.text('0x1F'), 'long', 31n],
    ['text beyond 64 bits to long is null', lit.text('9223372036854775808'), 'long', null],
    ['real to long cuts', lit.real(2.9), 'long', 2n],
    ['negative real to int cuts', lit.real(-2.9), 'int', -2],
    ['long beyond 32 bits to int is null', lit.long(2n ** 40n), 'int', null],
    ['long to bool', lit.long(123), 'bool', true],
    ['text to bool in any case', lit.text('TRUE'), 'bool', true],
    ['real to text keeps a fraction', lit.real(5), 'string', '5.0'],
    ['NaN to text', lit.real(Number.NaN), 'string', 'NaN'],
    ['null to text is empty', hidden(lit.long(null)), 'string', ''],
    ['decimal to text without trailing zeros', lit.decimal('1.500'), 'string', '1.5'],
    ['whole decimal to text', lit.decimal('100'), 'string', '100'],
    ['real to decimal by its shortest text', lit.real(0.1), 'decimal', '0.100000000000000000'],
    ['datetime to text', lit.datetime(636_436_656_000_000_001n), 'string', '2017-10-15T12:00:00.0000001Z'],
    ['first datetime to text', lit.datetime(5n), 'string', '0001-01-01T00:00:00.0000005Z'],
    ['last datetime to text', lit.datetime(3_155_378_975_999_999_999n), 'string', '9999-12-31T23:59:59.9999999Z'],
    ['timespan to text', lit.timespan(-936_000_000_010n), 'string', '-1.02:00:00.0000010'],
    [
      'text to datetime keeps the seventh digit',
      lit.text('2017-10-15T12:00:00.0000001Z'),
      'datetime',
      636_436_656_000_000_001n,
    ],
    ['short text to datetime', lit.text('2017-10-15'), 'datetime', 636_436_224_000_000_000n],
    ['text that is no date to datetime', lit.text('2017-02-30T00:00:00Z'), 'datetime', null],
    ['text to timespan', lit.text('00:30:00'), 'timespan', 18_000_000_000n],
    ['text to guid', lit.text('70fc66f7827944fc9092d364d70fce44'), 'guid', '70fc66f7-8279-44fc-9092-d364d70fce44'],
    ['datetime to long is ticks', lit.datetime(7n), 'long', 7n],
    ['dynamic integer to long beyond doubles', lit.dynamic('9007199254740993'), 'long', 9_007_199_254_740_993n],
    ['dynamic real to long cuts', lit.dynamic('2.7'), 'long', 2n],
    ['dynamic string to long', lit.dynamic('"42"'), 'long', 42n],
    ['dynamic bool to int', lit.dynamic('true'), 'int', 1],
    ['dynamic string to text', lit.dynamic('"a\\"b"'), 'string', 'a"b'],
    ['dynamic array to text', lit.dynamic('[1,2]'), 'string', '[1,2]'],
    ['dynamic null to text is empty', hidden(lit.dynamic(null)), 'string', ''],
    ['dynamic string to datetime', lit.dynamic('"2017-10-15"'), 'datetime', 636_436_224_000_000_000n],
    ['text to dynamic is a string value', lit.text('a"b'), 'dynamic', '"a\\"b"'],
    ['timespan to dynamic is text', lit.timespan(20_000_000n), 'dynamic', '"00:00:02"'],
    ['decimal to dynamic is text', lit.decimal('1.5'), 'dynamic', '"1.5"'],
  ])('%s', async (_name, value, type, expected) => {
    expect(await bench.value(castTo(value, type))).toBe(expected)
    expect(await bench.value(castTo(hidden(value), type))).toBe(expected)
  })

  it('refuses conversions whose result is not documented', () => {
    expect(() => castTo(lit.guid(null), 'long')).not.toThrow()
    expect(() => castTo(hidden(lit.guid(null)), 'long')).toThrow(/not supported/)
  })
})

describe('comparisons', () => {
  it.each<[string, Sql, Sql, unknown, unknown]>([
    ['two nulls', lit.int(null), lit.int(null), null, null],
    ['a value and null', lit.int(5), lit.int(null), false, true],
    ['null and a value', lit.int(null), lit.long(5), false, true],
    ['equal numbers of different types', lit.int(5), lit.real(5), true, false],
    ['NaN and itself', lit.real(Number.NaN), lit.real(Number.NaN), false, true],
    ['long beyond doubles', lit.long(9_007_199_254_740_993n), lit.long(9_007_199_254_740_992n), false, true],
    ['dynamic string and string', lit.dynamic('"a"'), lit.text('a'), true, false],
    ['dynamic real and long', lit.dynamic('5.5'), lit.long(5), false, true],
    ['dynamic integer beyond doubles', lit.dynamic('9007199254740993'), lit.long(9_007_199_254_740_992n), false, true],
    ['dynamic null and long', lit.dynamic(null), lit.long(5), false, true],
    [
      'bags with other blanks and key order',
      lit.dynamic('{"a": 1,"b":2}'),
      lit.dynamic('{"b":2.0,"a":1}'),
      true,
      false,
    ],
  ])('== and != of %s', async (_name, a, b, equal, different) => {
    for (const [x, y] of [
      [a, b],
      [hidden(a), hidden(b)],
    ] as const) {
      expect(await bench.value(equals(x, y))).toBe(equal)
      expect(await bench.value(notEquals(x, y))).toBe(different)
    }
  })

  it('orders nothing against NaN or null', async () => {
    expect(await bench.value(greaterThan(hidden(lit.real(Number.NaN)), lit.real(1)))).toBe(false)
    expect(await bench.value(lessThan(hidden(lit.real(Number.NaN)), lit.real(1)))).toBe(false)
    expect(await bench.value(lessThan(hidden(lit.int(null)), lit.int(1)))).toBeNull()
  })

  it('orders strings by code unit', async () => {
    expect(await bench.value(lessThan(lit.text('B'), lit.text('a')))).toBe(true)
  })
})
