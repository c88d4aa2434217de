import { describe, expect, it } from 'vitest'
import {
  parseDrop,
  parseMove,
  parseReplace,
  parseShowExtents,
  parseTags,
} from '../../../src/local/commands/extent-syntax.ts'
import { parseExport, parseInline } from '../../../src/local/commands/transfer-syntax.ts'

const ID = '11111111-2222-3333-4444-555555555555'

describe('extent commands', () => {
  it('reads the three forms of .move extents', () => {
    expect(
      parseMove(".move async extents all from table A to table ['B c'] with (setNewIngestionTime=true)"),
    ).toMatchObject({
      source: 'A',
      target: 'B c',
      extentIds: undefined,
    })
    const listed = parseMove(
      `.move extents from table A to table B with (extentCreatedOnFrom=datetime(2024-01-01), extentCreatedOnTo=datetime(2024-01-02)) (${ID}, ${ID.replaceAll('1', '2')})`,
    )
    expect(listed.extentIds).toEqual([ID, ID.replaceAll('1', '2')])
    expect(listed.properties.datetime('extentCreatedOnTo')).toBe(638_397_504_000_000_000n)
    expect(parseMove(".move extents to table B <| .show table A extents | where Tags has '<|'").query).toBe(
      ".show table A extents | where Tags has '<|'",
    )
  })

  it('splits the two queries of .replace extents, braces and strings inside', () => {
    expect(
      parseReplace(
        ".replace extents in table B <| { print x = dynamic({'a':'}'}) }, {.show table A extents where tags has '{'}",
      ),
    ).toMatchObject({
      target: 'B',
      dropQuery: "print x = dynamic({'a':'}'})",
      moveQuery: ".show table A extents where tags has '{'",
    })
  })

  it('reads the forms of .drop extents', () => {
    expect(parseDrop('.drop extents older 10 days from T')).toMatchObject({
      table: 'T',
      olderSeconds: 864_000,
      whatIf: false,
    })
    expect(parseDrop('.drop-pretend extents from all tables')).toMatchObject({ table: undefined, whatIf: true })
    expect(parseDrop(`.drop extent ${ID} from T`)).toMatchObject({ table: 'T', extentIds: [ID] })
    expect(parseDrop('.drop extents whatif <| T')).toMatchObject({ whatIf: true, query: 'T' })
  })

  it('reads tags with escapes, and conditions on tags', () => {
    expect(parseTags(".alter-merge async table T extent tags ('it\\'s', @'a\\b') <| Q")).toMatchObject({
      verb: 'alter-merge',
      tags: ["it's", 'a\\b'],
      query: 'Q',
    })
    expect(parseTags('.drop table T extent tags <| Q')).toMatchObject({ verb: 'drop', tags: undefined, query: 'Q' })
    expect(parseShowExtents(".show tables (A, B) extents hot where tags has 'x' and tags !contains 'y'")).toEqual({
      extentIds: undefined,
      tags: [
        { operator: 'has', tag: 'x' },
        { operator: '!contains', tag: 'y' },
      ],
    })
  })

  it.each([
    () => parseMove('.move extents all from table A to table B with (nope=1)'),
    () => parseMove('.move extents from table A to table B'),
    () => parseReplace('.replace extents in table B <| {A}'),
    () => parseDrop('.drop extents older 10 parsecs from T'),
    () => parseDrop('.drop extents from T limit 5'),
    () => parseTags(".alter table T extent tags ('a')"),
    () => parseShowExtents(".show table T extents with (x='y')"),
  ])('refuses what it does not know', (parse) => {
    expect(parse).toThrow(expect.objectContaining({ status: 400 }))
  })
})

describe('data commands', () => {
  it('takes inline data literally', () => {
    expect(parseInline(".ingest inline into table ['a b'] with (format='psv') <|\n  x // no comment |'\n")).toEqual({
      table: 'a b',
      properties: [['format', 'psv']],
      data: "\n  x // no comment |'\n",
    })
  })

  it('reads bracketed records', () => {
    expect(parseInline('.ingest inline into table T [1,"a]b"]\n[2,c]').data).toBe('1,"a]b"\n2,c')
  })

  it('joins neighbouring string literals of an export destination', () => {
    expect(
      parseExport(
        '.export async compressed to parquet ("https://a/c?" h@"sig=1", \'b\') with (namePrefix="x") <| T | take 1',
      ),
    ).toEqual({
      format: 'parquet',
      compressed: true,
      destinations: ['https://a/c?sig=1', 'b'],
      properties: [['namePrefix', 'x']],
      query: 'T | take 1',
    })
  })
})
