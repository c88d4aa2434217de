import { DataType, TimeUnit } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { KustoDataError, KustoUsageError } from '../../src/errors.ts'
import {
  arrowField,
  arrowSchema,
  parseScalarName,
  SCALARS,
  type ScalarName,
  scalarNameOf,
  typeSettings,
} from '../../src/arrow/scalar-types.ts'

describe('names of scalar types', () => {
  it.each([
    ['Int64', 'long'],
    ['System.Int64', 'long'],
    ['int64', 'long'],
    ['Int32', 'int'],
    ['SByte', 'bool'],
    ['boolean', 'bool'],
    ['System.Data.SqlTypes.SqlDecimal', 'decimal'],
    ['SqlDecimal', 'decimal'],
    ['double', 'real'],
    ['date', 'datetime'],
    ['time', 'timespan'],
    ['uniqueid', 'guid'],
    ['uuid', 'guid'],
    ['Object', 'dynamic'],
    ['STRING', 'string'],
  ])('%s is %s', (text, scalar) => expect(parseScalarName(text)).toBe(scalar))

  it('refuses a name of no type, and names of object members', () => {
    expect(() => parseScalarName('hyperlink')).toThrow(KustoDataError)
    for (const text of ['constructor', '__proto__', 'toString', '']) expect(scalarNameOf(text)).toBeUndefined()
  })

  it('has no name for two types', () => {
    const names = Object.values(SCALARS).flatMap(({ names, dotnetNames }) => [
      ...names,
      ...dotnetNames.map((name) => `system.${name}`),
    ])
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length)
  })
})

describe('Arrow fields', () => {
  const arrowOf = (type: ScalarName, settings = typeSettings()): string =>
    String(arrowField({ name: 'c', type }, settings).type)

  it('follow the mapping of the documentation by default', () => {
    const found = Object.fromEntries(Object.keys(SCALARS).map((type) => [type, arrowOf(type as ScalarName)]))
    expect(found).toEqual({
      bool: 'Bool',
      int: 'Int32',
      long: 'Int64',
      real: 'Float64',
      decimal: 'Decimal[38e+18]',
      string: 'Utf8',
      datetime: 'Timestamp<MICROSECOND, UTC>',
      timespan: 'Duration<MICROSECOND>',
      guid: 'Utf8',
      dynamic: 'Utf8',
    })
  })

  it('follow the options', () => {
    const settings = typeSettings({ decimal: 'text', datetime: 'ns', timespan: 'ticks', guid: 'uuid' })
    expect(arrowOf('decimal', settings)).toBe('Utf8')
    expect(arrowOf('timespan', settings)).toBe('Int64')
    expect(arrowOf('guid', settings)).toBe('FixedSizeBinary[16]')
    const { type } = arrowField({ name: 'c', type: 'datetime' }, settings)
    expect(DataType.isTimestamp(type) && type.unit === TimeUnit.NANOSECOND).toBe(true)
  })

  it('keep the Kusto type, name the extension, and only strings cannot be null', () => {
    const schema = arrowSchema([
      { name: 'x', type: 'dynamic' },
      { name: 'x', type: 'string' },
    ])
    const [dynamic, text] = schema.fields
    expect(dynamic!.metadata.get('kusto:type')).toBe('dynamic')
    expect(dynamic!.metadata.get('ARROW:extension:name')).toBe('arrow.json')
    expect([dynamic!.nullable, text!.nullable]).toEqual([true, false])
    expect(text!.metadata.has('ARROW:extension:name')).toBe(false)
    const uuid = arrowField({ name: 'g', type: 'guid' }, typeSettings({ guid: 'uuid' }))
    expect(uuid.metadata.get('ARROW:extension:name')).toBe('arrow.uuid')
  })
})

it('refuses unknown options and takes undefined as absent', () => {
  expect(typeSettings({ datetime: 'ticks' }).datetime).toBe('ticks')
  expect(typeSettings(Object.fromEntries([['guid', undefined]])).guid).toBe('text')
  expect(() => typeSettings(Object.fromEntries([['dateTime', 'us']]))).toThrow(KustoUsageError)
  expect(() => typeSettings(Object.fromEntries([['datetime', 'ms']]))).toThrow(/one of us, ns, ticks/)
})
