import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kql, name } from '../../src/kql/kql.ts'
import { appendOperators, isManagementCommand, resultStatement, splitStatements } from '../../src/kql/query-text.ts'

const append = (query: string): string => appendOperators(query, [kql`take 1`]).text

describe('appendOperators', () => {
  test.each([
    ['T', 'T\n| take 1'],
    ['T;', 'T\n| take 1'],
    ['T // all of it', 'T\n| take 1'],
    ['T // a ; b\n ;\n // end', 'T\n| take 1'],
    ['let x = 5; T | take x;', 'let x = 5; T | take x\n| take 1'],
    ['set notruncation;\nT', 'set notruncation;\nT\n| take 1'],
    ['declare query_parameters(p:string); T', 'declare query_parameters(p:string); T\n| take 1'],
    ['let f = (x:long) { let y = x; y }; print f(1)', 'let f = (x:long) { let y = x; y }; print f(1)\n| take 1'],
    ['T | where a == "x;//y"', 'T | where a == "x;//y"\n| take 1'],
    [`T | where a == '\\';'`, `T | where a == '\\';'\n| take 1`],
    ['T | where a == @"\\";', 'T | where a == @"\\"\n| take 1'],
    ['T | where a == @"a"";b"', 'T | where a == @"a"";b"\n| take 1'],
    ['print ```a;\n// b```', 'print ```a;\n// b```\n| take 1'],
    ["['let x;'] | count", "['let x;'] | count\n| take 1"],
    ['letters | count', 'letters | count\n| take 1'],
  ])('%j becomes %j', (query, expected) => {
    expect(append(query)).toBe(expected)
  })

  test.each(['', '// nothing', 'let x = 5;', 'T; U', 'T; let x = 5', ';;'])('%j has no one result', (query) => {
    expect(() => append(query)).toThrow(expect.objectContaining({ code: 'KUSTO_NOT_ONE_RESULT' }))
  })

  test('values of the query and of the operators stay parameters, each with its own name', () => {
    const query = appendOperators(kql`T | where a == ${'x;'} // end ;`, [
      kql`where ${name('b')} > ${5n}`,
      kql`take ${1}`,
    ])
    const { text, parameters } = query.render()
    expect(text).toBe(
      "declare query_parameters(_kql0:string, _kql1:long, _kql2:long);\nT | where a == _kql0\n| where ['b'] > _kql1\n| take _kql2",
    )
    expect([...parameters.values()].map(({ literal }) => literal)).toEqual(['"x;"', 'long(5)', 'long(1)'])
  })
})

describe('kql', () => {
  test('templates nest, and a nested value keeps its place', () => {
    const inner = kql`a == ${1} and b == ${'two'}`
    const outer = kql`T | where c == ${true} and (${inner}) | take ${3}`
    expect(outer.toString()).toBe('T | where c == bool(true) and (a == long(1) and b == "two") | take long(3)')
    expect([...outer.render().parameters.keys()]).toEqual(['_kql0', '_kql1', '_kql2', '_kql3'])
  })

  test('parameter names avoid what the text already names', () => {
    const { text } = kql`T | where _kql0 == ${1} and __kql == 2`.render()
    expect(text).toBe('declare query_parameters(___kql0:long);\nT | where _kql0 == ___kql0 and __kql == 2')
  })

  test('a value is never spliced as text', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (value) => {
        const { text, parameters } = kql`print ${value}`.render()
        return text === 'declare query_parameters(_kql0:string);\nprint _kql0' && parameters.size === 1
      }),
    )
  })

  test('a command refuses values in slots', () => {
    expect(() => kql`.drop table ${'T'}`.text).toThrow(expect.objectContaining({ code: 'KUSTO_PARAMETER_IN_COMMAND' }))
  })

  test.each([
    [null, /kql\.long\(null\)/],
    [undefined, /found undefined/],
    [[1], /kql\.dynamic/],
    [{ a: 1 }, /found object/],
  ])('%j in a slot is an error that says what to do', (value, message) => {
    expect(() => kql`print ${value as never}`).toThrow(message)
  })

  test.each([
    () => kql.int(2 ** 31),
    () => kql.int(1.5),
    () => kql.long(2n ** 63n),
    () => kql.long(2 ** 53),
    () => kql.decimal('1,5'),
    () => kql.guid('x'),
    () => kql.datetime(-1n),
    () => kql.timespan(2n ** 63n),
    () => kql.dynamic(Number.NaN),
    () => kql.dynamic([() => 1]),
    () => kql.datetime(new Date(Number.NaN)),
  ])('a value that does not fit its type is an error: %s', (make) => {
    expect(make).toThrow(/expected/)
  })
})

test('statements are found where they stand', () => {
  const text = ' set x = 1 ; // c\n let y = 2;\nT | take y '
  expect(splitStatements(text).map(({ kind, start, end }) => [kind, text.slice(start, end)])).toEqual([
    ['set', 'set x = 1'],
    ['let', 'let y = 2'],
    ['tabular', 'T | take y'],
  ])
  expect(resultStatement(text).text).toBe('T | take y')
})

test.each([
  ['.show tables', true],
  ['\n // why\r\n  .show tables', true],
  ['// only\n// comments', false],
  ['T | where a == ".x"', false],
  ['', false],
  ['/ .show', false],
])('%j is a management command: %s', (text, expected) => {
  expect(isManagementCommand(text)).toBe(expected)
})

test.each([
  ['T | render timechart', 'T \n| take 1'],
  ['T // all\n| render table with (title="a | b") // end\n;', 'T // all\n\n| take 1'],
  ['set x=1; let y = 2;\nT | where a == y | render\ncolumnchart;', 'set x=1; let y = 2;\nT | where a == y \n| take 1'],
  ['T | where f("| render table")', 'T | where f("| render table")\n| take 1'],
  ['T | extend rendered = (U | render table)', 'T | extend rendered = (U | render table)\n| take 1'],
  ['render | where x', 'render | where x\n| take 1'],
  ['T | // render\n where x', 'T | // render\n where x\n| take 1'],
])('operators stand in place of a render at the end of %j', (query, expected) => {
  expect(appendOperators(query, [kql`take 1`]).text).toBe(expected)
})
