import { Field, Int64, Null, makeData, Timestamp, TimeUnit, Uint64, Utf8 } from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeJson } from '../../src/arrow/encode-json.ts'
import { KustoDataError } from '../../src/errors.ts'
import { batchOf, COLUMN_CASES, flat, oneColumn, spans } from './any-columns.ts'

const linesOf = (bytes: Uint8Array): readonly string[] =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n').slice(0, -1)

const longs = flat(new Int64(), (n) => new BigInt64Array(n))
const NUMBERS = /^(?:U?int|Float)/i

describe('encodeJson', () => {
  it.each(COLUMN_CASES.map((each) => [each.name, each] as const))(
    'streaming:C48 writes %s as JSON that holds what CSV would carry',
    (name, { value, build, text, type, metadata = new Map<string, string>() }) => {
      fc.assert(
        fc.property(fc.array(fc.option(value), { minLength: 1, maxLength: 20 }), (values) => {
          const field = new Field('a "b"', type, true, new Map(metadata))
          const batch = batchOf([field], [build(values)], values.length)
          const lines = linesOf(encodeJson(batch).bytes)
          expect(lines).toHaveLength(values.length)
          lines.forEach((line, row) => {
            const cell = JSON.parse(line) as Readonly<Record<string, unknown>>
            expect(Object.keys(cell)).toEqual(['a "b"'])
            const token = line.slice('{"a \\"b\\"":'.length, -1)
            const drawn = values[row]
            if (drawn === null) {
              expect(token).toBe('null')
              return
            }
            const wanted = text(drawn as never)
            const found = cell['a "b"']
            if (typeof found === 'string') expect(found).toBe(wanted)
            // Digits as they stand, since JSON.parse would round them; reals may be spelt in several ways.
            else if (typeof found === 'number' && NUMBERS.test(name) && /[.e]/i.test(token + wanted)) {
              expect(Number(token)).toBe(Number(wanted))
            } else expect(token).toBe(wanted)
          })
        }),
        { numRuns: 30 },
      )
    },
  )

  it('keeps nested values and JSON text as they are, and makes JSON of text for a dynamic column', () => {
    const texts = spans(new Utf8())
    const batch = batchOf(
      [
        new Field('json', new Utf8(), true, new Map([['ARROW:extension:name', 'arrow.json']])),
        new Field('text', new Utf8()),
      ],
      [texts(['{"a":[1,null]}', 'no json']), texts(['{"b":2}', 'plain'])],
      2,
    )
    const columns = [
      { name: 'json', type: 'dynamic' as const },
      { name: 'text', type: 'dynamic' as const },
    ]
    expect(linesOf(encodeJson(batch, { columns }).bytes).map((line) => JSON.parse(line) as unknown)).toEqual([
      { json: { a: [1, null] }, text: { b: 2 } },
      { json: 'no json', text: 'plain' },
    ])
  })

  it('uses the names of the columns it is for, and leaves columns of nulls out', () => {
    const nulls = makeData({ type: new Null(), length: 2 })
    const batch = batchOf([new Field('a', new Int64()), new Field('b', new Null())], [longs([1n, null]), nulls], 2)
    const columns = [
      { name: 'A', type: 'long' as const },
      { name: 'B', type: 'string' as const },
    ]
    expect(linesOf(encodeJson(batch, { columns }).bytes)).toEqual(['{"A":1}', '{"A":null}'])
    expect(linesOf(encodeJson(oneColumn(nulls)).bytes)).toEqual(['{}', '{}'])
  })

  it('stops between records, and refuses one that does not fit', () => {
    const batch = oneColumn(longs([1n, 2n, 3n]))
    const record = '{"c":1}\n'.length
    const first = encodeJson(batch, { maxBytes: 2 * record + 1 })
    expect([first.rows, first.nextRow, linesOf(first.bytes)]).toEqual([2, 2, ['{"c":1}', '{"c":2}']])
    const rest = encodeJson(batch, { startRow: first.nextRow, maxBytes: record })
    expect([rest.rows, rest.nextRow, linesOf(rest.bytes)]).toEqual([1, 3, ['{"c":3}']])
    expect(() => encodeJson(batch, { maxBytes: record - 1, rowOffset: 10 })).toThrow(
      expect.objectContaining({ code: 'KUSTO_RECORD_TOO_LARGE', row: 10 }) as Error,
    )
  })

  it('refuses numbers that the column cannot hold, naming column and row', () => {
    const uints = flat(new Uint64(), (n) => new BigUint64Array(n))
    const batch = oneColumn(uints([1n, 2n ** 63n]))
    const encode = (): unknown => encodeJson(batch, { rowOffset: 5 })
    expect(encode).toThrow(KustoDataError)
    expect(encode).toThrow(expect.objectContaining({ code: 'KUSTO_INTEGER_RANGE', column: 'c', row: 6 }) as Error)
    const narrow = oneColumn(longs([2n ** 40n]))
    expect(() => encodeJson(narrow, { columns: [{ name: 'c', type: 'int' }] })).toThrow(/int/)
  })

  it('counts times whose digits were cut, and cells that the service cuts', () => {
    const times = flat(new Timestamp(TimeUnit.NANOSECOND, 'UTC'), (n) => new BigInt64Array(n))
    expect(encodeJson(oneColumn(times([1n, 100n, 101n]))).cutTimes).toBe(2)
    const texts = spans(new Utf8())
    expect(encodeJson(oneColumn(texts(['x'.repeat(1_048_580), 'x']))).oversizeCells).toBe(1)
  })
})
