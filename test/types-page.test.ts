import { readFileSync } from 'node:fs'
import path from 'node:path'
import * as arrow from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { kustoType } from '../src/arrow/kusto-columns.ts'
import { jsonText, toDatetime, toReal } from '../src/arrow/row-values.ts'
import { arrowField, SCALAR_NAMES, SCALARS } from '../src/arrow/scalar-types.ts'

const page = readFileSync(path.resolve(import.meta.dirname, '../docs/types.md'), 'utf8')

/** The rows of the table that begins with a heading line. */
function tableAfter(heading: string): readonly (readonly string[])[] {
  const lines = page.slice(page.indexOf(heading)).split('\n').slice(2)
  return lines.slice(0, lines.indexOf('')).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const ARROW: Readonly<Record<string, readonly arrow.DataType[]>> = {
  Bool: [new arrow.Bool()],
  'Int8, Int16, Int32, Uint8, Uint16': [
    new arrow.Int8(),
    new arrow.Int16(),
    new arrow.Int32(),
    new arrow.Uint8(),
    new arrow.Uint16(),
  ],
  'Uint32, Int64': [new arrow.Uint32(), new arrow.Int64()],
  Uint64: [new arrow.Uint64()],
  'Float16, Float32, Float64': [new arrow.Float16(), new arrow.Float32(), new arrow.Float64()],
  'Decimal128, Decimal256': [new arrow.Decimal(18, 38, 128), new arrow.Decimal(18, 60, 256)],
  'Utf8, LargeUtf8, Utf8View, Dictionary of those': [
    new arrow.Utf8(),
    new arrow.LargeUtf8(),
    new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
  ],
  'Binary, LargeBinary, FixedSizeBinary': [new arrow.Binary(), new arrow.LargeBinary(), new arrow.FixedSizeBinary(16)],
  'FixedSizeBinary(16) with `arrow.uuid`': [new arrow.FixedSizeBinary(16)],
  'Date, Timestamp (any unit, any zone)': [
    new arrow.DateDay(),
    new arrow.DateMillisecond(),
    new arrow.TimestampSecond(),
    new arrow.TimestampNanosecond('Europe/Berlin'),
  ],
  'Time, Duration, Interval': [
    new arrow.TimeMillisecond(),
    new arrow.TimeNanosecond(),
    new arrow.DurationMicrosecond(),
    new arrow.IntervalDayTime(),
  ],
  'List, LargeList, FixedSizeList, Struct, Map, Union, `arrow.json`': [
    new arrow.List(new arrow.Field('item', new arrow.Int32())),
    new arrow.Struct([new arrow.Field('a', new arrow.Int32())]),
  ],
  Null: [new arrow.Null()],
}

/** Types of the table of reading, as apache-arrow writes them. */
const READ: Readonly<Record<string, string>> = {
  Bool: 'Bool',
  Int32: 'Int32',
  Int64: 'Int64',
  Float64: 'Float64',
  'Decimal128(38, 18)': String(new arrow.Decimal(18, 38, 128)),
  Utf8: 'Utf8',
  'Timestamp(µs, UTC)': 'Timestamp<MICROSECOND, UTC>',
  'Duration(µs)': 'Duration<MICROSECOND>',
}

describe('docs/types.md', () => {
  it('reads each Kusto type as the Arrow type that the code has by default', () => {
    const rows = tableAfter('| Kusto | Arrow | options and limits |')
    expect(new Set(rows.map(([kusto]) => kusto))).toEqual(new Set<string>(SCALAR_NAMES))
    for (const [kusto = '', said = ''] of rows) {
      const type = SCALAR_NAMES.find((name) => name === kusto) ?? 'string'
      expect(String(arrowField({ name: 'x', type }).type), kusto).toBe(
        READ[said.replace(/,? (?:not|lower|with) .*$/, '')],
      )
    }
    for (const [kusto = '', said = ''] of rows) {
      const scalar = SCALAR_NAMES.find((name) => name === kusto) ?? 'string'
      expect(said.includes('not nullable'), kusto).toBe(!SCALARS[scalar].nullable)
    }
  })

  it('writes each Arrow type as the Kusto type that the code has', () => {
    const rows = tableAfter('| Arrow | Kusto |')
    expect(rows.map(([type]) => type)).toEqual(Object.keys(ARROW))
    for (const [name = '', said = ''] of rows) {
      const metadata = new Map(name.includes('uuid') ? [['ARROW:extension:name', 'arrow.uuid']] : [])
      for (const type of ARROW[name] ?? []) {
        expect(kustoType(new arrow.Field('x', type, true, metadata)), name).toBe(/^\w+/.exec(said)?.[0])
      }
    }
  })

  it('tells what rows of plain objects lose', () => {
    expect(toReal('0.1234567890123456789')).toBe(0.12345678901234568)
    expect(toDatetime(new Date('2026-07-01T08:00:00.123Z')) % 10_000n).toBe(0n)
    expect(() => toDatetime(new Date(NaN))).toThrow('datetime')
    const value = { gone: undefined, call: () => 1, map: new Map([[7, 'x']]), zero: -0, nan: NaN }
    expect(jsonText(value)).toBe('{"call":null,"map":{"7":"x"},"zero":0,"nan":"NaN"}')
    expect(() => jsonText({ set: new Set([1]) })).toThrow('Set')
    expect(page).toContain('| a `Set` | an error')
  })
})
