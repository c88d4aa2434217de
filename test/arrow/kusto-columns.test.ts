import {
  DataType,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Int16,
  Int32,
  Int64,
  Interval,
  IntervalUnit,
  LargeList,
  List,
  Map_,
  Null,
  Schema,
  SparseUnion,
  Struct,
  Type,
  Uint64,
  Utf8,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { acceptsTarget, kustoColumns, kustoType } from '../../src/arrow/kusto-columns.ts'
import { arrowSchema, type KustoColumn, SCALARS, type ScalarName, typeSettings } from '../../src/arrow/scalar-types.ts'
import { COLUMN_CASES } from './any-columns.ts'

const field = (type: DataType, metadata: Record<string, string> = {}): Field =>
  new Field('c', type, true, new Map(Object.entries(metadata)))
const item = new Field('item', new Int32(), true)
const scalars = Object.keys(SCALARS) as ScalarName[]

const expected = (name: string): ScalarName => {
  if (name === 'Bool') return 'bool'
  if (/^_?(Int8|Int16|Int32|Uint8|Uint16)$/.test(name)) return 'int'
  if (/^_?(Uint32|Int64|Uint64)$/.test(name)) return 'long'
  if (name.startsWith('Float')) return 'real'
  if (name.startsWith('Decimal')) return 'decimal'
  if (name === 'uuid') return 'guid'
  if (/^(Timestamp|Date)/.test(name)) return 'datetime'
  return /^(Duration|Time|Interval)/.test(name) ? 'timespan' : 'string'
}

describe('kustoColumns', () => {
  it('gives every flat Arrow type the Kusto type of the type table', () => {
    const found = COLUMN_CASES.map(({ name, type, metadata }) => [
      name,
      kustoType(new Field('c', type, true, new Map(metadata))),
    ])
    expect(found).toEqual(COLUMN_CASES.map(({ name }) => [name, expected(name)]))
  })

  it('gives nested types and arrow.json dynamic, null string', () => {
    const entries = new Struct([new Field('key', new Utf8(), false), item])
    const nested = [
      new List(item),
      new LargeList(item),
      new FixedSizeList(2, item),
      new Struct([item]),
      new Map_(new Field('entries', entries, false) as never),
      new SparseUnion([0], [item]),
    ]
    expect(nested.map((type) => kustoType(field(type)))).toEqual(nested.map(() => 'dynamic'))
    expect(kustoType(field(new Utf8(), { 'ARROW:extension:name': 'arrow.json' }))).toBe('dynamic')
    expect(kustoType(field(new Null()))).toBe('string')
    expect(kustoType(field(new Dictionary(new Decimal(2, 10), new Int32())))).toBe('decimal')
    expect(kustoType(field(new FixedSizeBinary(15), { 'ARROW:extension:name': 'arrow.uuid' }))).toBe('string')
    expect(kustoType(field(new Interval(IntervalUnit.YEAR_MONTH)))).toBe('timespan')
  })

  it('writes a table that was read back to the same column types, whatever representation was chosen', () => {
    const columns: KustoColumn[] = scalars.map((type) => ({ name: `a ${type}`, type }))
    for (const options of [
      {},
      { decimal: 'text', datetime: 'ns', timespan: 'ns', guid: 'uuid' },
      { datetime: 'ticks', timespan: 'ticks' },
    ] as const) {
      expect(kustoColumns(arrowSchema(columns, typeSettings(options)))).toEqual(columns)
    }
  })

  it('lets kusto:type win only where the Arrow type can carry it', () => {
    expect(kustoType(field(new Utf8(), { 'kusto:type': 'guid' }))).toBe('guid')
    expect(kustoType(field(new Int64(), { 'kusto:type': 'timespan' }))).toBe('timespan')
    expect(kustoType(field(new Int16(), { 'kusto:type': 'timespan' }))).toBe('int')
    expect(kustoType(field(new List(item), { 'kusto:type': 'datetime' }))).toBe('dynamic')
    expect(kustoType(field(new Int16(), { 'kusto:type': 'nonsense' }))).toBe('int')
    expect(kustoType(field(new Uint64()), { uint64: 'decimal' })).toBe('decimal')
  })

  it('accepts every type as text and as dynamic, and text for every type', () => {
    for (const { type, metadata } of COLUMN_CASES) {
      const column = new Field('c', type, true, new Map(metadata))
      expect([acceptsTarget(column, 'string'), acceptsTarget(column, 'dynamic')]).toEqual([true, true])
      expect(acceptsTarget(column, kustoType(column))).toBe(true)
    }
    expect(scalars.every((type) => acceptsTarget(field(new Utf8()), type))).toBe(true)
    expect(acceptsTarget(field(new FixedSizeBinary(16)), 'guid')).toBe(true)
    expect(acceptsTarget(field(new FixedSizeBinary(15)), 'guid')).toBe(false)
  })

  it('refuses duplicate and empty names and types that Kusto cannot hold, naming the column', () => {
    const twice = new Schema([field(new Utf8()), field(new Utf8())])
    expect(() => kustoColumns(twice)).toThrow(expect.objectContaining({ code: 'KUSTO_DUPLICATE_COLUMN' }))
    const unnamed = new Schema([new Field('', new Utf8(), true)])
    expect(() => kustoColumns(unnamed)).toThrow(expect.objectContaining({ code: 'KUSTO_BAD_COLUMN_NAME' }))
    const unknown = new (class extends DataType {
      constructor() {
        super(Type.NONE)
      }
    })()
    expect(() => kustoType(field(unknown))).toThrow(
      expect.objectContaining({ code: 'KUSTO_UNSUPPORTED_TYPE', column: 'c' }),
    )
  })
})
