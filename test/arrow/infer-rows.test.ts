import { describe, expect, it } from 'vitest'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { inferSchema, type Row } from '../../src/arrow/infer-rows.ts'
import { kustoColumns } from '../../src/arrow/kusto-columns.ts'
import { rowsToBatch } from '../../src/arrow/rows-to-batch.ts'

const types = (rows: readonly Row[]): Record<string, string> =>
  Object.fromEntries(kustoColumns(inferSchema(rows)).map(({ name, type }) => [name, type]))
const csv = (rows: readonly Row[]): string =>
  Buffer.from(encodeCsv(rowsToBatch(rows, inferSchema(rows))).bytes).toString()
const failure = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('inferSchema', () => {
  it('names a type for every kind of value, and columns in order of first appearance', () => {
    const rows = [
      { b: true, l: 1, r: 0.5, s: 'x' },
      { d: new Date(0), big: 5n, bytes: new Uint8Array(2), list: [1], bag: { a: 1 }, nothing: null },
    ]
    expect(Object.entries(types(rows))).toEqual([
      ['b', 'bool'],
      ['l', 'long'],
      ['r', 'real'],
      ['s', 'string'],
      ['d', 'datetime'],
      ['big', 'long'],
      ['bytes', 'string'],
      ['list', 'dynamic'],
      ['bag', 'dynamic'],
      ['nothing', 'string'],
    ])
  })

  it('widens whole numbers to real, and to long beside bigints, over all rows', () => {
    expect(types([{ a: 1 }, { a: 1.5 }, { a: 2 }])).toEqual({ a: 'real' })
    expect(types([{ a: 1 }, { a: 2n }, { a: null }])).toEqual({ a: 'long' })
    expect(types([{ a: 2 ** 53 }])).toEqual({ a: 'real' })
    expect(types([{ a: 1 }, { a: NaN }])).toEqual({ a: 'real' })
  })

  it('reports a conflict with its column and both rows instead of guessing', () => {
    const error = failure(() => inferSchema([{ a: null }, { a: 1 }, { a: 2 }, { a: 'three' }]))
    expect(error).toMatchObject({ code: 'KUSTO_ROW_CONFLICT', column: 'a', row: 3 })
    expect(String(error)).toContain('integer in row 1 and string in row 3')
    for (const pair of [
      [1n, 0.5],
      [true, 1],
      [new Date(0), 'x'],
      [{}, 's'],
    ]) {
      expect(failure(() => inferSchema(pair.map((a) => ({ a }))))).toMatchObject({ code: 'KUSTO_ROW_CONFLICT' })
    }
  })
})

describe('rowsToBatch', () => {
  it('lays out every kind of value, with missing properties as nulls', () => {
    const rows = [
      {
        b: true,
        l: 9_007_199_254_740_991,
        r: 0.1,
        s: 'a,b',
        d: new Date('2020-01-02T03:04:05.678Z'),
        x: Buffer.from('hi'),
      },
      {},
      { b: false, l: -1n, r: NaN, s: '', d: new Date('0001-01-01T00:00:00Z'), x: new Uint8Array(0) },
    ]
    expect(csv(rows)).toBe(
      'true,9007199254740991,0.1,"a,b",2020-01-02T03:04:05.6780000Z,aGk=\n,,,,,\nfalse,-1,NaN,"",0001-01-01T00:00:00.0000000Z,""\n',
    )
  })

  it('writes nested values as JSON with exact integers, dates and bytes', () => {
    const bag = {
      n: 2n ** 62n,
      f: NaN,
      d: new Date(0),
      x: Buffer.from([255]),
      m: new Map([[1, 'a']]),
      u: undefined,
      k: 'q"\u0001',
      z: [null, true],
    }
    const text = csv([{ bag }]).slice(1, -2).replaceAll('""', '"')
    expect(text).toBe(
      '{"n":4611686018427387904,"f":"NaN","d":"1970-01-01T00:00:00.000Z","x":"/w==","m":{"1":"a"},"k":"q\\"\\u0001","z":[null,true]}',
    )
  })

  it('names column and row of a later value that does not fit the inferred type', () => {
    const schema = inferSchema([{ a: 1 }])
    const cases: readonly [Row, string][] = [
      [{ a: 1.5 }, 'KUSTO_ROW_CONFLICT'],
      [{ a: 'x' }, 'KUSTO_ROW_CONFLICT'],
      [{ a: 2n ** 63n }, 'KUSTO_INTEGER_RANGE'],
      [{ a: 1, b: 2 }, 'KUSTO_UNKNOWN_COLUMN'],
    ]
    for (const [row, code] of cases) {
      expect(failure(() => rowsToBatch([{ a: 0 }, row], schema, { rowOffset: 10 }))).toMatchObject({ code, row: 11 })
    }
    const dates = inferSchema([{ a: new Date(0) }])
    expect(failure(() => rowsToBatch([{ a: new Date(NaN) }], dates))).toMatchObject({
      code: 'KUSTO_BAD_DATETIME',
      row: 0,
    })
  })

  it('does not find columns on the prototype', () => {
    const rows: Row[] = [{ constructor: 'mine' }, {}]
    expect(csv(rows)).toBe('mine\n""\n')
  })
})
