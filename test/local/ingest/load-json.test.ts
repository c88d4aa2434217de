import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Duck, type DuckSession, openDuck } from '../../../src/local/engine/duck.ts'
import { load } from './loading.ts'

let duck: Duck
let session: DuckSession
beforeAll(async () => {
  duck = await openDuck()
  session = await duck.connect()
})
afterAll(() => duck.close())

describe('json', () => {
  it('maps by case-sensitive name; missing and null fields are null, or empty for string', async () => {
    const data = '{"a":9007199254740993,"S":"x","d":{"k":[1,"y z"]}}\n{"A":1,"a":null,"S":null}\r\n{}\n'
    expect(await load(session, 'a:long,S:string,d:dynamic,r:real', data, { format: 'json' })).toEqual([
      ['9007199254740993', 'x', '{"k":[1,"y z"]}', null],
      [null, '', null, null],
      [null, '', null, null],
    ])
  })

  it('skips lines that are no objects and accepts comments and single quotes', async () => {
    const data = '{"a":1}\nnonsense\n[1]\n{"a":2\n// note\n{\'a\':3} // why\n{"a":"it\'s // not","b":4}\n'
    expect(await load(session, 'a:string,b:int', data, { format: 'json' })).toEqual([
      ['1', null],
      ['3', null],
      ["it's // not", '4'],
    ])
    await expect(load(session, 'a:int', 'x\ny\n', { format: 'json' })).rejects.toMatchObject({
      code: 'BadRequest_NoRecordsOrWrongFormat',
    })
  })

  it('reads half of an escaped character as U+FFFD, and whole ones as they are', async () => {
    const data =
      String.raw`{"a":"x\ud83dy\ude00","b":["\ud83d\ude00","\\ud83d","\uD83D\ud83D\uDE00"]}` + '\n{"a":"z"}\n'
    for (const format of ['json', 'multijson'] as const) {
      const [first, second] = await load(session, 'a:string,b:dynamic', data, { format })
      expect(first?.[0]).toBe('x\ufffdy\ufffd')
      expect(JSON.parse(String(first?.[1]))).toEqual(['😀', String.raw`\ud83d`, '\ufffd😀'])
      expect(second).toEqual(['z', null])
    }
  })

  it('follows paths with names, brackets and indices', async () => {
    const mapping = [
      { column: 'a', Properties: { Path: '$.x.y' } },
      { column: 'b', Properties: { Path: "$['a b']['c.d'][1]" } },
      { column: 'c', Properties: { Path: '$["q\\"q"]' } },
      { column: 'r', path: '$' },
      { column: 'k', path: 'constant' },
    ]
    const data = '{"x":{"y":"1.5"},"a b":{"c.d":[1,{"z":2}]},"q\\"q":true}\n'
    expect(
      await load(session, 'a:real,b:dynamic,c:bool,r:dynamic,k:string', data, { format: 'json', mapping }),
    ).toEqual([['1.5', '{"z":2}', 'true', '{"x":{"y":"1.5"},"a b":{"c.d":[1,{"z":2}]},"q\\"q":true}', 'constant']])
    await expect(
      load(session, 'a:int', data, { format: 'json', mapping: [{ column: 'a', path: '$..x' }] }),
    ).rejects.toMatchObject({ code: 'BadRequest_InvalidMapping' })
  })

  it('transforms epochs, arrays of bags and mapped fields', async () => {
    const mapping = [
      { column: 't', Properties: { Path: '$.t', Transform: 'DateTimeFromUnixSeconds' } },
      { column: 'p', Properties: { Path: '$.p', Transform: 'PropertyBagArrayToDictionary' } },
      { column: 'rest', Properties: { Path: '$', Transform: 'DropMappedFields' } },
      { column: 'n', Properties: { Transform: 'SourceLineNumber' } },
    ]
    const data = '{"t":1,"p":[{"n1":"v1"},{"n2":{"x":[1]}}],"z":1,"y y":"a,b"}\n'
    expect(await load(session, 't:datetime,p:dynamic,rest:dynamic,n:long', data, { format: 'json', mapping })).toEqual([
      ['621355968010000000', '{"n1":"v1","n2":{"x":[1]}}', '{"z":1,"y y":"a,b"}', '1'],
    ])
  })

  it('takes a decimal as text, and as a number of up to 15 digits, and refuses what a double would change', async () => {
    const decimals = (value: string): Promise<unknown[][]> =>
      load(session, 'a:decimal', `{"a":${value}}\n`, { format: 'json' })
    expect(await decimals('"12345678901234567890.123456789012345678"')).toEqual([
      ['12345678901234567890.123456789012345678'],
    ])
    expect(await decimals('0.1234567')).toEqual([['0.123456700000000000']])
    expect(await decimals('9007199254740993')).toEqual([['9007199254740993.000000000000000000']])
    await expect(decimals('0.12345678901234567890')).rejects.toThrow(/KUSTO_DECIMAL_RANGE/)
    await expect(decimals('12345678901234567.5')).rejects.toThrow(/KUSTO_DECIMAL_RANGE/)
  })

  it('gives typed values as text to string and parses text in typed columns', async () => {
    const data =
      '{"s":12,"i":"7","g":"74be27de1e4e49d9b579fe0b331d3642","d":"2020-01-01","o":{"s":{"a":1}}}\n{"s":true,"i":1.5,"d":5,"s2":[1]}\n'
    expect(await load(session, 's:string,i:int,g:guid,d:datetime,o:string', data, { format: 'json' })).toEqual([
      ['12', '7', '74be27de-1e4e-49d9-b579-fe0b331d3642', '637134336000000000', '{"s":{"a":1}}'],
      ['true', null, null, null, ''],
    ])
  })
})

describe('multijson', () => {
  it('reads an array, or objects one after another, over several lines', async () => {
    for (const data of ['[\n {"a": 1,\n  "b": "x}\\"{"},\n {"a": 2}\n]', '{"a":1,"b":"x}\\"{"} /* c { */\n\n{"a":2}']) {
      expect(await load(session, 'a:int,b:string', data, { format: 'multijson' })).toEqual([
        ['1', 'x}"{'],
        ['2', ''],
      ])
    }
  })

  it.each(['[{"a":1},{"a":]', '{"a":1} x', '[{"a":1}', '[1]'])('refuses the whole of %j', async (data) => {
    await expect(load(session, 'a:int', data, { format: 'multijson' })).rejects.toMatchObject({
      code: 'BadRequest_InvalidBlob',
      permanent: true,
    })
  })
})
