import { Field, Float32, Int32, Int64, Schema, TimestampMillisecond, Utf8 } from 'apache-arrow'
import { describe, expect, it, test } from 'vitest'
import { DEFAULT_TYPE_SETTINGS } from '../../src/arrow/scalar-types.ts'
import { checkDeclared, declaredSchema } from '../../src/source/declared-schema.ts'

const columnsOf = (schema: string | Schema): readonly string[] =>
  declaredSchema(schema, DEFAULT_TYPE_SETTINGS).columns.map(({ name, type }) => `${name}/${type}`)

describe('a declared schema', () => {
  test.each([
    ['a:long, b:string', ['a/long', 'b/string']],
    [` a : Int64 ,['b, c']:dynamic,["it's"]:date`, ['a/long', 'b, c/dynamic', "it's/datetime"]],
    [`['it\\'s']:real`, ["it's/real"]],
    [`['a\\tb\\u200D\\\\n']:real, ['\\u00e9\\"']:int`, ['a\tb\u200D\\n/real', 'é"/int']],
    ['日本:guid', ['日本/guid']],
    ['a:long,A:int', ['a/long', 'A/int']],
  ])('spark:R19 reads %s', (text, expected) => {
    expect(columnsOf(text)).toEqual(expected)
  })

  test.each([
    '',
    'a',
    'a:',
    'a:text',
    'a:long,',
    'a:long b:string',
    'a:long;b:int',
    "['a:long",
    'a:long, a:int',
    ',a:int',
  ])('spark:R19 refuses %j', (text) => {
    expect(() => columnsOf(text)).toThrow(expect.objectContaining({ code: 'KUSTO_BAD_SCHEMA' }))
  })

  it('spark:R19 takes Arrow types that reading gives, and no others', () => {
    const fields = [new Field('t', new TimestampMillisecond(), true), new Field('n', new Int32(), false)]
    expect(columnsOf(new Schema(fields))).toEqual(['t/datetime', 'n/int'])
    const json = new Field('j', new Utf8(), true, new Map([['ARROW:extension:name', 'arrow.json']]))
    const ticks = new Field('d', new Int64(), true, new Map([['kusto:type', 'timespan']]))
    expect(columnsOf(new Schema([json, ticks]))).toEqual(['j/dynamic', 'd/timespan'])
    expect(() => columnsOf(new Schema([new Field('f', new Float32(), true)]))).toThrow(/column f, found/)
  })

  it('spark:R19 names every column that is missing or does not fit', () => {
    const declared = declaredSchema('a:int, b:string, c:real, d:long', DEFAULT_TYPE_SETTINGS).columns
    const found = declaredSchema('a:long, b:guid, c:datetime, e:long', DEFAULT_TYPE_SETTINGS).columns
    expect(() => checkDeclared(declared, found)).toThrow(
      'expected column c as real, found datetime; expected column d as long, found no such column',
    )
  })
})
