import fc from 'fast-check'
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

const code = (name: string): unknown => expect.objectContaining({ code: name })

describe('csv', () => {
  it('keeps quotes, line breaks, separators and blanks inside fields', async () => {
    expect(await load(session, 'a:string,b:string,c:string', 'x,"b ""q"" \n y", c \n"",,"1,2"\n')).toEqual([
      ['x', 'b "q" \n y', ' c '],
      ['', '', '1,2'],
    ])
  })

  it('reads \\n, \\r\\n, both mixed, and a last record without a line end', async () => {
    for (const data of ['a,1\nb,2\n', 'a,1\r\nb,2\r\n', 'a,1\r\nb,2\n', 'a,1\nb,2']) {
      expect(await load(session, 'a:string,b:int', data)).toEqual([
        ['a', '1'],
        ['b', '2'],
      ])
    }
  })

  it('keeps line breaks of another kind inside quoted fields', async () => {
    for (const end of ['\n', '\r\n']) {
      expect(await load(session, 'a:string,b:int', `"x\r\ny",1${end}"x\ny",2${end}"x\ry",3${end}`)).toEqual([
        ['x\r\ny', '1'],
        ['x\ny', '2'],
        ['x\ry', '3'],
      ])
    }
  })

  it('gives back any text that was written by RFC 4180, whichever way it is read', async () => {
    const unit = fc.constantFrom('a', ',', '"', '\n', '\r', ' ', '\t', 'é', '😀', "'", '\\', '#', '\0')
    const cell = fc.string({ unit, maxLength: 8 })
    const written = fc.tuple(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 }),
      fc.constantFrom('\n', '\r\n'),
    )
    const quoted = (text: string): string =>
      text !== '' && /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
    await fc.assert(
      fc.asyncProperty(written, async ([rows, end]) => {
        const data = rows.map((row) => row.map(quoted).join(',') + end).join('')
        expect(await load(session, 'a:string,b:string', data)).toEqual(rows)
      }),
      { numRuns: 150 },
    )
  })

  it('takes a quote after a blank, and inside a bare field, as data', async () => {
    expect(await load(session, 'a:string,b:string', ' "a",b"x"c\n')).toEqual([[' "a"', 'b"x"c']])
  })

  it('drops the byte order mark, makes invalid bytes U+FFFD and keeps a lone carriage return', async () => {
    expect(await load(session, 'a:string,b:int', Buffer.from('\ufeffa,1\n'))).toEqual([['a', '1']])
    expect(await load(session, 'a:string,b:int', Buffer.from([0x61, 0xff, 0x2c, 0x31, 0x0a]))).toEqual([
      ['a\ufffd', '1'],
    ])
    expect(await load(session, 'a:string,b:int', 'a\rb,1\n')).toEqual([['a\rb', '1']])
  })

  it('keeps quoted empty records and skips blank lines', async () => {
    expect(await load(session, 'a:string', 'a\n""\n\nb\n')).toEqual([['a'], [''], ['b']])
    expect(await load(session, 'a:string,b:int', 'a,1\n\nb,2\n')).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
  })

  it('drops extra fields of every record and leaves missing columns empty', async () => {
    expect(await load(session, 'a:string', 'a,1\nb,2\n')).toEqual([['a'], ['b']])
    expect(await load(session, 'a:string,b:int,c:string', 'a\nb\n')).toEqual([
      ['a', null, ''],
      ['b', null, ''],
    ])
  })

  it.each([
    ['a,b\nc\n', 'too few'],
    ['a,b\nc,d,e\n', 'too many'],
    ['a,b\nc,d,\n', 'one empty too many'],
  ])('refuses %j (%s) unless told to accept', async (data) => {
    await expect(load(session, 'a:string,b:string', data)).rejects.toThrow(code('Stream_WrongNumberOfFields'))
    expect(await load(session, 'a:string,b:string', data, { acceptRagged: true })).toHaveLength(2)
  })

  it('refuses a quote that is not closed, text after a closing quote, no bytes and no records', async () => {
    await expect(load(session, 'a:string', 'a\n"b\nc\n')).rejects.toThrow(code('Stream_ClosingQuoteMissing'))
    await expect(load(session, 'a:string', '"a"b\n')).rejects.toThrow(
      code('BadRequest_UnexpectedCharacterInInputStream'),
    )
    await expect(load(session, 'a:string', '')).rejects.toThrow(code('BadRequest_EmptyBlob'))
    await expect(load(session, 'a:string', '\n\n')).rejects.toThrow(code('BadRequest_NoRecordsOrWrongFormat'))
    await expect(load(session, 'a:string', 'a\n', { ignoreFirstRecord: true })).rejects.toThrow(
      code('BadRequest_NoRecordsOrWrongFormat'),
    )
  })

  it('skips the first record when told to, also one that spans lines', async () => {
    expect(await load(session, 'a:int', '"he\nad"\n1\n', { ignoreFirstRecord: true })).toEqual([['1']])
  })

  it('reads records longer than the default line limit and cuts strings at 1 MiB between characters', async () => {
    const long = 'é'.repeat(1_500_000)
    const [row] = await load(session, 'a:string,b:int', `${long},7\nx,8\n`)
    expect(row?.[1]).toBe('7')
    expect(row?.[0]).toBe('é'.repeat(524_288))
    const [odd] = await load(session, 'a:string,b:int', `x${long},7\n`)
    expect(odd?.[0]).toBe(`x${'é'.repeat(524_287)}`)
    expect(await load(session, 'a:dynamic', `"[""${'a'.repeat(1_048_576)}""]"\n`)).toEqual([[null]])
  })
})

const values = async (type: string, texts: readonly string[]): Promise<unknown[]> => {
  const rows = await load(
    session,
    `a:${type},b:string`,
    texts.map((text) => `"${text.replaceAll('"', '""')}",.\n`).join(''),
  )
  return rows.map(([value]) => value)
}

describe('the text of a field', () => {
  it('becomes an integer only when it is one that fits', async () => {
    expect(
      await values('int', ['2147483647', '2147483648', '-5', '+5', '007', ' 8 ', '1.5', '1e3', '1_0', 'x', '']),
    ).toEqual(['2147483647', null, '-5', '5', '7', '8', null, null, null, null, null])
    expect(await values('long', ['9223372036854775807', '-9223372036854775808', '9223372036854775808'])).toEqual([
      '9223372036854775807',
      '-9223372036854775808',
      null,
    ])
  })

  it('becomes a real, NaN and infinities included', async () => {
    expect(await values('real', ['1.5', '-1e-3', '0.1', 'NaN', 'Infinity', '-Infinity', '1_0', 'x', ''])).toEqual([
      '1.5',
      '-0.001',
      '0.1',
      'nan',
      'inf',
      '-inf',
      null,
      null,
      null,
    ])
  })

  it('becomes a decimal without rounding, and is an error where it cannot', async () => {
    expect(await values('decimal', ['1.5', '-0.123456789012345678', '1e5', '1.5e-3', 'x', ''])).toEqual([
      '1.500000000000000000',
      '-0.123456789012345678',
      '100000.000000000000000000',
      '0.001500000000000000',
      null,
      null,
    ])
    await expect(values('decimal', ['123456789012345678901'])).rejects.toThrow(/KUSTO_DECIMAL_RANGE/)
    await expect(values('decimal', ['0.1234567890123456789'])).rejects.toThrow(/KUSTO_DECIMAL_RANGE/)
  })

  it('becomes a bool', async () => {
    expect(await values('bool', ['true', 'FALSE', '1', '0', '123', 'yes', ''])).toEqual([
      'true',
      'false',
      'true',
      'false',
      'true',
      null,
      null,
    ])
  })

  it('becomes datetime ticks, to the seventh digit', async () => {
    expect(
      await values('datetime', [
        '2014-05-25T08:20:03.1234567Z',
        '2014-05-25 08:20:03.1234567Z',
        '2014-05-25T08:20:03.123456',
        '2014-05-25T08:20Z',
        '2014-05-25',
        '12-02-2022',
        'Sat, 8 Nov 14 15:05:02 GMT',
        '0001-01-01T00:00:00.0000000Z',
        '9999-12-31T23:59:59.9999999Z',
        '2014-13-25T08:20:03.1234567Z',
        'x',
        '',
      ]),
    ).toEqual([
      '635366028031234567',
      '635366028031234567',
      '635366028031234560',
      '635366028000000000',
      '635365728000000000',
      '638055360000000000',
      '635510559020000000',
      '0',
      '3155378975999999999',
      null,
      null,
      null,
    ])
  })

  it('becomes timespan ticks', async () => {
    expect(
      await values('timespan', [
        '00:00:00.0000001',
        '-1.02:03:04.0000005',
        '10:00:00',
        '10675199.02:48:05.4775807',
        '2',
        '1.5h',
        '24:00:00',
        'x',
        '',
      ]),
    ).toEqual([
      '1',
      '-937840000005',
      '360000000000',
      '9223372036854775807',
      '1728000000000',
      '54000000000',
      null,
      null,
      null,
    ])
  })

  it('becomes a guid', async () => {
    const guid = '74be27de-1e4e-49d9-b579-fe0b331d3642'
    expect(await values('guid', [guid, guid.toUpperCase(), guid.replaceAll('-', ''), `${guid}x`, 'x', ''])).toEqual([
      guid,
      guid,
      guid,
      guid,
      null,
      null,
    ])
  })

  it('becomes dynamic: JSON compact, other text a string value', async () => {
    expect(
      await values('dynamic', [
        '{"a":[1,2.50,"x y"]}',
        '{ "a" : 1 }',
        '9007199254740993',
        'x y',
        '"s"',
        'null',
        '',
        '[1,]',
        'NaN',
        '{"a":NaN}',
        'true',
      ]),
    ).toEqual([
      '{"a":[1,2.50,"x y"]}',
      '{"a":1}',
      '9007199254740993',
      '"x y"',
      '"s"',
      null,
      null,
      '"[1,]"',
      '"NaN"',
      '"{\\"a\\":NaN}"',
      'true',
    ])
  })
})

describe('the other delimited formats', () => {
  it.each([
    ['tsv', '\t'],
    ['psv', '|'],
    ['scsv', ';'],
    ['sohsv', '\u0001'],
  ] as const)('%s differs in its separator', async (format, separator) => {
    expect(await load(session, 'a:string,b:int', `"x${separator}y"${separator}1\n`, { format })).toEqual([
      [`x${separator}y`, '1'],
    ])
  })

  it('tsve has backslash escapes and no quotes', async () => {
    expect(await load(session, 'a:string,b:string', 'a\\tb\t"c"\\n\\\\d\n', { format: 'tsve' })).toEqual([
      ['a\tb', '"c"\n\\d'],
    ])
  })

  it('txt has one column per line and skips empty lines; raw is one value', async () => {
    expect(await load(session, 'a:string', 'a,"b\r\n\nc\n', { format: 'txt' })).toEqual([['a,"b'], ['c']])
    expect(await load(session, 'a:string', 'a,"b\n\nc\n', { format: 'raw' })).toEqual([['a,"b\n\nc\n']])
  })
})

describe('a csv mapping', () => {
  it('takes fields by ordinal, constants, epochs, the source and the record number', async () => {
    const mapping = [
      { Column: 'b', DataType: 'string', Properties: { Ordinal: '0' } },
      { column: 'a', Properties: { ConstValue: '42' } },
      { Name: 't', Ordinal: 1, Transform: 'DateTimeFromUnixMilliseconds' },
      { column: 's', Properties: { Transform: 'SourceLocation' } },
      { column: 'n', Properties: { Transform: 'SourceLineNumber' } },
    ]
    expect(
      await load(session, 'a:long,b:string,t:datetime,s:string,n:long,z:int', 'x,0\ny,1600000000123\n', { mapping }),
    ).toEqual([
      ['42', 'x', '621355968000000000', 'https://acct/c/source', '1', null],
      ['42', 'y', '637355968001230000', 'https://acct/c/source', '2', null],
    ])
  })

  it.each([
    [[{ column: 'a', Properties: { Ordinal: '0', Color: 'red' } }]],
    [[{ column: 'a', Properties: { Ordinal: '0', Transform: 'Magic' } }]],
    [[{ column: 'a', Properties: { Ordinal: '0', ConstValue: '1' } }]],
    [[{ column: 'a', Properties: { Ordinal: '-1' } }]],
    [
      [
        { column: 'a', Properties: { Ordinal: '0' } },
        { column: 'a', Properties: { Ordinal: '1' } },
      ],
    ],
    [[{ column: 'missing', Properties: { Ordinal: '0' } }]],
    [[{ column: 'a', Properties: { Path: '$.a' } }]],
    [[{ column: 'a' }]],
    [[]],
  ])('refuses %j', async (mapping) => {
    await expect(load(session, 'a:long', '1,2\n', { mapping })).rejects.toThrow(code('BadRequest_InvalidMapping'))
  })
})
