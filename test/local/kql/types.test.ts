import { describe, expect, it } from 'vitest'

import { canonicalJson, formatJson, parseJson } from '../../../src/local/kql/json.ts'
import {
  formatDatetime,
  formatTimespan,
  parseDatetime,
  parseDecimal,
  parseDynamic,
  parseGuid,
  parseLiteral,
  parseTimespan,
} from '../../../src/local/kql/types.ts'

describe('datetime text', () => {
  it.each([
    ['2014-05-25T08:20:03.123456Z', '2014-05-25T08:20:03.1234560Z'],
    ['2014-05-25T08:20:03.1234567', '2014-05-25T08:20:03.1234567Z'],
    ['2014-05-25 08:20', '2014-05-25T08:20:00.0000000Z'],
    ['2014-11-08', '2014-11-08T00:00:00.0000000Z'],
    ['2014-11-08T15:55:55+02:00', '2014-11-08T13:55:55.0000000Z'],
    ['Sat, 8 Nov 14 15:05:02 GMT', '2014-11-08T15:05:02.0000000Z'],
    ['Saturday, 08-Nov-14 15:05:02 UTC', '2014-11-08T15:05:02.0000000Z'],
    ['Sat Nov 8 15:05:02 2014', '2014-11-08T15:05:02.0000000Z'],
    ['12-02-2022', '2022-12-02T00:00:00.0000000Z'],
    ['9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59.9999999Z'],
    ['0001-01-01', '0001-01-01T00:00:00.0000000Z'],
    ['2025, 6, 14', '2025-06-14T00:00:00.0000000Z'],
  ])('%s is %s', (text, expected) => {
    const ticks = parseDatetime(text)
    expect(ticks === null ? null : formatDatetime(ticks)).toBe(expected)
  })

  it.each(['', 'soon', '2014-13-01', '2015-02-29', '2014-01-01T25:00', '14:30'])('%j is not a datetime', (text) => {
    expect(parseDatetime(text)).toBeNull()
  })
})

describe('timespan text', () => {
  it.each([
    ['0.12:34:56.7', '12:34:56.7000000'],
    ['1.02:03:04', '1.02:03:04'],
    ['1:02:03', '01:02:03'],
    ['2', '2.00:00:00'],
    ['1.5h', '01:30:00'],
    ['15 seconds', '00:00:15'],
    ['10microsecond', '00:00:00.0000100'],
    ['1tick', '00:00:00.0000001'],
    ['-00:00:01', '-00:00:01'],
  ])('%s is %s', (text, expected) => {
    const ticks = parseTimespan(text)
    expect(ticks === null ? null : formatTimespan(ticks)).toBe(expected)
  })

  it.each(['25:00:00', '1w', 'x', '1:2'.repeat(9)])('%j is not a timespan', (text) => {
    expect(parseTimespan(text)).toBeNull()
  })
})

describe('other text forms', () => {
  it('takes the first 32 hex digits of a guid and ignores the rest', () => {
    expect(parseGuid('70fc66f7-8279-44fc-9092-d364d70fce44 and more')).toBe('70fc66f7-8279-44fc-9092-d364d70fce44')
    expect(parseGuid('70FC66F7827944FC9092D364D70FCE44')).toBe('70fc66f7-8279-44fc-9092-d364d70fce44')
    expect(parseGuid('70fc66f7')).toBeNull()
  })

  it('writes decimals plainly and refuses what 38 digits cannot hold', () => {
    expect(parseDecimal('1.50')).toBe('1.5')
    expect(parseDecimal('1e5')).toBe('100000')
    expect(parseDecimal('-12e-3')).toBe('-0.012')
    expect(parseDecimal('1e21')).toBeNull()
  })

  it.each([
    ['12', 'long', 12n],
    ['0xff', 'long', 255n],
    ['long(-1)', 'long', -1n],
    ['int(null)', 'int', null],
    ['real(nan)', 'real', Number.NaN],
    ['real(-inf)', 'real', Number.NEGATIVE_INFINITY],
    ['1e5', 'real', 100_000],
    ['1.5h', 'timespan', 54_000_000_000n],
    ['datetime(2015-12-31)', 'datetime', 635_871_168_000_000_000n],
    ['decimal(1.5)', 'decimal', '1.5'],
    ['true', 'bool', true],
  ] as const)('the literal %s of type %s', (text, type, expected) => {
    expect(parseLiteral(text, type)).toEqual(expected)
  })
})

describe('JSON', () => {
  it('keeps the text of numbers', () => {
    expect(parseDynamic('{"a": 9007199254740993, "b": [1.0, 2e2]}')).toBe('{"a":9007199254740993,"b":[1.0,2e2]}')
  })

  it('keeps text that is not JSON as a string value, and reads empty text and null as null', () => {
    expect(parseDynamic('a "b"')).toBe(String.raw`"a \"b\""`)
    expect(parseDynamic('')).toBeNull()
    expect(parseDynamic('null')).toBeNull()
  })

  it.each(['{', '[1,]', '{"a":}', '01', '"\u0001"', 'nul', '1 2', '{a:1}'])('refuses %j', (text) => {
    expect(parseJson(text)).toBeUndefined()
  })

  it('refuses text nested beyond what the stack holds', () => {
    expect(parseJson('['.repeat(100_000))).toBeUndefined()
  })

  it('gives equal values one canonical text', () => {
    expect(canonical('{"b": 1.0, "a": [2e0]}')).toBe(canonical('{"a":[2],"b":1}'))
    expect(canonical('9007199254740993')).not.toBe(canonical('9007199254740992'))
  })

  it('writes what it reads', () => {
    const text = String.raw`{"k\n":[null,true,"\u0007é",-0.5,{}]}`
    expect(formatJson(parseJson(text) ?? null)).toBe(text)
  })
})

function canonical(text: string): string {
  return canonicalJson(parseJson(text) ?? null)
}
