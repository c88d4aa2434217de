import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatIngestionMapping,
  type IngestionColumnMapping,
  mappedField,
  mappingFormat,
  parseIngestionMapping,
} from '../../src/protocol/ingestion-mapping.ts'

const element = fc.oneof(
  fc.record({ ordinal: fc.nat(999) }),
  fc.record({ path: fc.constantFrom('$.a', "$['b c']") }),
  fc.record({ field: fc.string({ minLength: 1 }) }),
  fc.record({ constValue: fc.string({ minLength: 1 }) }),
  fc.constant({ transform: 'SourceLocation' }),
  fc.record({ ordinal: fc.nat(9), transform: fc.constant('DateTimeFromUnixSeconds') }),
)
const mapping = fc
  .uniqueArray(
    fc.tuple(fc.string({ minLength: 1 }), element, fc.option(fc.constantFrom('long', 'string'), { nil: undefined })),
    {
      minLength: 1,
      maxLength: 6,
      selector: ([column]) => column,
    },
  )
  .map((list): readonly IngestionColumnMapping[] =>
    list.map(([column, source, datatype]) => ({ column, ...source, ...(datatype === undefined ? {} : { datatype }) })),
  )

describe('a mapping', () => {
  it('comes back from its text, and is frozen', () => {
    fc.assert(
      fc.property(mapping, (columns) => {
        const parsed = parseIngestionMapping(formatIngestionMapping(columns))
        expect(parsed).toEqual(columns)
        expect(parseIngestionMapping(columns)).toEqual(columns)
        expect([parsed, ...parsed].every((part) => Object.isFrozen(part))).toBe(true)
      }),
    )
  })

  it('has the documented form on the wire', () => {
    expect(formatIngestionMapping([{ column: 'a', datatype: 'long', ordinal: 3 }])).toBe(
      '[{"Column":"a","DataType":"long","Properties":{"Ordinal":"3"}}]',
    )
  })

  it('is for CSV by ordinals, for Parquet by paths and fields, for either by constants', () => {
    expect(
      mappingFormat([
        { column: 'a', constValue: 'x' },
        { column: 'b', ordinal: 0 },
      ]),
    ).toBe('csv')
    expect(mappingFormat([{ column: 'a', path: '$.x' }])).toBe('parquet')
    expect(mappingFormat([{ column: 'a', field: 'x' }])).toBe('parquet')
    expect(mappingFormat([{ column: 'a', constValue: 'x' }])).toBeUndefined()
  })

  it.each([
    ['$.name', 'name'],
    ["$['a b.c']", 'a b.c'],
    ['$["it\'s"]', "it's"],
  ])('reads the column of the path %s', (path, field) => {
    expect(mappedField({ column: 'c', path })).toBe(field)
  })

  it.each(['$', '$.a.b', '$[0]', 'a', "$['a']['b']"])('refuses the path %s', (path) => {
    expect(() => mappedField({ column: 'c', path })).toThrow(/one step/)
  })

  it.each<[string, RegExp]>([
    ['{}', /at least one/],
    ['[1]', /element 0: expected an object/],
    ['[{"Ordinal":0}]', /name of a column/],
    ['[{"column":"a","ordinal":-1}]', /ordinal from 0/],
    ['[{"column":"a","ordinal":0},{"column":"a","ordinal":1}]', /found a twice/],
    ['[{"column":"a","transform":"SourceLocation","ordinal":0}]', /takes no ordinal/],
    ['[{"column":"a","Properties":[]}]', /expected an object/],
  ])('refuses %s', (text, message) => {
    expect(() => parseIngestionMapping(text)).toThrow(message)
  })
})
