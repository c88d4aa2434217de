import { describe, expect, test } from 'vitest'
import { parseCommandTable } from '../../src/client/command-table.ts'

function table(columns: readonly (readonly [string, string])[], rows: string): ReturnType<typeof parseCommandTable> {
  const described = columns.map(([name, type]) => ({ ColumnName: name, ColumnType: type }))
  return parseCommandTable(`{"Tables":[{"TableName":"T","Columns":${JSON.stringify(described)},"Rows":${rows}}]}`)
}

describe('parseCommandTable', () => {
  test('keeps every digit of a long', () => {
    const { rows } = table([['n', 'long']], '[[9007199254740993],[-9223372036854775808],[5],["7"],[null]]')
    expect(rows.map((row) => row.cell('n'))).toEqual([9007199254740993n, -(2n ** 63n), 5n, 7n, null])
  })

  test('digits inside a text or a fraction are left alone', () => {
    const rows = '[["1234567890123456789","a \\"1234567890123456789\\" b",0.1234567890123456,1e300]]'
    const [row] = table(
      [
        ['a', 'string'],
        ['b', 'string'],
        ['c', 'real'],
        ['d', 'real'],
      ],
      rows,
    ).rows
    expect(row?.cells).toEqual(['1234567890123456789', 'a "1234567890123456789" b', 0.1234567890123456, 1e300])
  })

  test('a cell may be as long as an answer', () => {
    const text = '{"n": 1234567890123456789} '.repeat(500_000) + '\\'
    const [row] = table(
      [
        ['a', 'string'],
        ['n', 'long'],
      ],
      `[[${JSON.stringify(text)},9007199254740993]]`,
    ).rows
    expect(row?.text('a') === text).toBe(true)
    expect(row?.cell('n')).toBe(9007199254740993n)
  })

  test('dynamic values are JSON text, exact', () => {
    const { rows } = table(
      [['d', 'dynamic']],
      '[[{"a":[9007199254740993,1]}],["{\\"b\\":1}"],[3],[9007199254740993],[null]]',
    )
    expect(rows.map((row) => row.cell('d'))).toEqual([
      '{"a":[9007199254740993,1]}',
      '{"b":1}',
      '3',
      '9007199254740993',
      null,
    ])
  })

  test('booleans come as numbers, reals as words', () => {
    const [row] = table(
      [
        ['a', 'bool'],
        ['b', 'bool'],
        ['c', 'real'],
        ['d', 'real'],
        ['e', 'decimal'],
      ],
      '[[1,false,"NaN","-Infinity",1.5]]',
    ).rows
    expect(row?.cells).toEqual([true, false, Number.NaN, -Infinity, '1.5'])
  })

  test('the type is found by its .NET name when it is not given', () => {
    const { columns } = parseCommandTable(
      '{"Tables":[{"Columns":[{"ColumnName":"a","DataType":"System.Int64"},{"ColumnName":"b","DataType":"SByte"},{"ColumnName":"c"}],"Rows":[]}]}',
    )
    expect(columns.map(({ type }) => type)).toEqual(['long', 'bool', 'string'])
  })

  test('columns are found by name, the first of two, and a missing one is an error that names the others', () => {
    const [row] = table(
      [
        ['constructor', 'string'],
        ['a', 'int'],
        ['a', 'int'],
      ],
      '[["x",1,2]]',
    ).rows
    expect([row?.text('constructor'), row?.number('a'), row?.has('toString')]).toEqual(['x', 1, false])
    expect(() => row?.cell('b')).toThrow('expected a column b, found constructor, a')
  })
})
