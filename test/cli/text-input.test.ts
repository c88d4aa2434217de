import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { type RecordBatch, type StructRowProxy, Table } from 'apache-arrow'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CliCall } from '../../src/cli/cli-command.ts'
import { CliScreen } from '../../src/cli/cli-screen.ts'
import { COMMON_FLAGS } from '../../src/cli/common-flags.ts'
import { csvRecords } from '../../src/cli/csv-records.ts'
import { globFiles } from '../../src/cli/glob-files.ts'
import { inferType } from '../../src/cli/infer-type.ts'
import { inputOf } from '../../src/cli/input-files.ts'
import type { InputOptions } from '../../src/cli/input-files.ts'
import { arrayRecords, lineRecords } from '../../src/cli/json-records.ts'
import { parseWords } from '../../src/cli/parse-words.ts'
import { readFileText } from '../../src/cli/read-text.ts'
import { typedBatches } from '../../src/cli/typed-batches.ts'
import type { Cell, Records, TypedOptions } from '../../src/cli/typed-batches.ts'
import { writeCommand } from '../../src/cli/write.ts'
import { memoryIo } from './memory-io.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The bytes in pieces of this size, so that every kind of break happens. */
async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

async function all(source: AsyncIterable<Records>): Promise<{ names: readonly string[]; rows: (readonly Cell[])[] }> {
  const rows: (readonly Cell[])[] = []
  let names: readonly string[] = []
  for await (const records of source) {
    names = records.names
    rows.push(...records.rows)
  }
  return { names, rows }
}

describe('CSV', () => {
  it('gives back every field, whatever it holds and wherever the bytes are cut', async () => {
    const field = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', ',', '"', '\n', '\r\n', '"",', ' a ', '東京'),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        async (rows, size) => {
          const text = rows.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')).join('\r\n')
          const read = await all(csvRecords(pieces(`a,b\n${text}\n`, size), { separator: ',', hasHeader: true }))
          expect(read).toEqual({ names: ['a', 'b'], rows })
        },
      ),
    )
  })

  it('reads a file as DuckDB does', async () => {
    const text = 'a;b;c\n1;"x;y";\n2;"say ""hi""";"two\nlines"\n3;;"zürich"\n'
    const file = path.join(folder, 'semi.csv')
    writeFileSync(file, text)
    const { rows } = await all(csvRecords(pieces(text, 3), { separator: ';', hasHeader: true }))
    const duck = await DuckDBInstance.create()
    const connection = await duck.connect()
    const answer = await connection.runAndReadAll(
      `SELECT * FROM read_csv('${file}', delim=';', header=true, all_varchar=true)`,
    )
    expect(rows).toEqual(answer.getRows())
    connection.closeSync()
    duck.closeSync()
  })

  it.each([
    ['a,b\n1\n', 'line 2: expected 2 fields, found 1'],
    ['a,b\n1,"x\n', 'line 2: expected a closing quote'],
    ['a,b\n1,"x"y\n', 'line 2: expected "," or a line break after a quoted field'],
    ['a,b,a\n1,2,3\n', 'line 1: expected columns of different names, found two named a'],
    ['a,,Column2\n1,2,3\n', 'line 1: expected columns of different names, found two named Column2'],
  ])('refuses %j with the line', async (text, message) => {
    await expect(all(csvRecords(pieces(text, 4), { separator: ',', hasHeader: true }))).rejects.toThrow(message)
  })

  it('takes a line of nothing for the null of a file of one column, and for none of others', async () => {
    const options = { separator: ',', hasHeader: true }
    const one = await all(csvRecords(pieces('\na\n1\n\n""\r\n\r\n', 1), options))
    expect(one).toEqual({ names: ['a'], rows: [['1'], [null], [null], [null]] })
    expect((await all(csvRecords(pieces('a,b\n1,2\n\n3,4\n\n', 3), options))).rows).toHaveLength(2)
  })

  it('names columns itself where there is no header, and takes a last line without an end', async () => {
    expect(await all(csvRecords(pieces('1,x\n2,y', 2), { separator: ',', hasHeader: false }))).toEqual({
      names: ['Column1', 'Column2'],
      rows: [
        ['1', 'x'],
        ['2', 'y'],
      ],
    })
  })
})

describe('JSON', () => {
  it('keeps all digits of whole numbers, also inside of other values and beside digits in texts', async () => {
    const line = '{"a":9223372036854775807,"t":"1234567890123456789","n":{"x":[12345678901234567890]}}'
    const { rows } = await all(lineRecords(pieces(`${line}\n\n`, 5)))
    expect(rows).toEqual([[9_223_372_036_854_775_807n, '1234567890123456789', { x: [12_345_678_901_234_567_890n] }]])
    expect((await all(arrayRecords(pieces(`[${line}]`, 7)))).rows).toEqual(rows)
  })

  it('reads numbers with many digits behind the point', async () => {
    const line = '{"a":0.30000000000000004,"b":-1234567890123456.25,"c":1234567890123456e1,"d":[0.12500000000000000]}'
    const { rows } = await all(lineRecords(pieces(line, 4)))
    expect(rows).toEqual([[0.1 + 0.2, -1234567890123456.25, 12345678901234560, [0.125]]])
  })

  it.each([
    ['[1]', 'element 0: expected an object, found number'],
    ['{', 'expected JSON'],
  ])('refuses %s', async (text, message) => {
    await expect(all(arrayRecords(pieces(text, 2)))).rejects.toThrow(message)
  })

  it('tells the line that is no object', async () => {
    await expect(all(lineRecords(pieces('{"a":1}\n[]\n', 4)))).rejects.toThrow(
      'line 2: expected an object, found an array',
    )
  })
})

describe('types of text', () => {
  it.each([
    [['1', '-20', null], 'long'],
    [['1', '2.5'], 'real'],
    [['00123'], 'string'],
    [['true', 'FALSE'], 'bool'],
    [['2026-01-01', '2026-01-01T10:00:00Z'], 'datetime'],
    [['01:02:03', '1.02:03:04.5'], 'timespan'],
    [['123e4567-e89b-12d3-a456-426614174000'], 'guid'],
    [['1', 'x'], 'string'],
    [[null], 'string'],
    [['9223372036854775807', '-9223372036854775808', '1'], 'long'],
    [['9223372036854775808', '-1'], 'decimal'],
    [['99999999999999999999'], 'decimal'],
    [['999999999999999999999'], 'string'],
    [['99999999999999999999', '1.5'], 'real'],
    [['2026-13-01'], 'string'],
    [['25:00:00'], 'string'],
  ])('of %j are %s', (values, type) => {
    expect(inferType(values, true)).toBe(type)
  })

  it('never makes numbers of JSON strings', () => {
    expect(inferType(['1', '2'], false)).toBe('string')
    expect(inferType([1, 2n], false)).toBe('long')
    expect(inferType([1, 2n ** 63n], false)).toBe('decimal')
    expect(inferType([1, 2.5], false)).toBe('real')
    expect(inferType([{ a: 1 }, 'x'], false)).toBe('dynamic')
  })

  it('names row and column of a value that is not of its column’s type, and not the value', async () => {
    async function* source(): AsyncGenerator<Records> {
      yield { names: ['a'], rows: [['1'], ['secret']] }
    }
    const batches = typedBatches(source(), { columns: [{ name: 'a', type: 'int' }], isText: true })
    await expect(batches.next()).rejects.toThrow('row 2, column a: expected a int, found text of 6 characters')
  })
})

describe('values of text columns', () => {
  const sample = (values: readonly Cell[]): Records => ({ names: ['a'], rows: values.map((value) => [value]) })

  async function rowsOf(parts: readonly Records[], options: TypedOptions): Promise<number> {
    async function* source(): AsyncGenerator<Records> {
      yield* parts
    }
    let rows = 0
    for await (const batch of typedBatches(source(), options)) rows += batch.numRows
    return rows
  }

  it.each([
    ['2026-01-02', 'N/A', 'datetime'],
    ['01:02:03', '12', 'timespan'],
    ['123e4567-e89b-12d3-a456-426614174000', 'none', 'guid'],
    ['18446744073709551615', '1.5', 'decimal'],
  ])('that are all like %s to begin with are no %s later', async (first, later, type) => {
    const parts = [sample(Array.from({ length: 20_000 }, () => first)), sample([null, later])]
    await expect(rowsOf(parts, { columns: undefined, isText: true })).rejects.toThrow(
      `row 20002, column a: expected a ${type} as in the rows before, found text of ${later.length} characters`,
    )
  })

  it.each([
    ['datetime', ['20260102T030405Z', 'Sat, 08 Nov 2014 15:05:02 GMT'], 'N/A'],
    ['timespan', ['1.02:03', '1d'], '-'],
    ['guid', ['{123e4567-e89b-12d3-a456-426614174000}', '123e4567e89b12d3a456426614174000'], '123'],
    ['decimal', ['1.5', ' -2e3'], '1,5'],
  ] as const)('of a declared %s are what the service may read', async (type, good, bad) => {
    const options = { columns: [{ name: 'a', type, isDeclared: true }], isText: true }
    expect(await rowsOf([sample([...good, null])], options)).toBe(good.length + 1)
    await expect(rowsOf([sample([bad])], options)).rejects.toThrow(`row 1, column a: expected a ${type}`)
  })

  it('are in every column that was declared: JSON may leave nulls out, a CSV file may not', async () => {
    const columns = [
      { name: 'b', type: 'string' },
      { name: 'b', type: 'long', isDeclared: true },
      { name: 'of the table', type: 'int' },
    ] as const
    async function* source(): AsyncGenerator<Records> {
      yield sample(['x'])
      yield { names: ['a', 'b'], rows: [['y', 1]] }
    }
    const batches: RecordBatch[] = []
    for await (const batch of typedBatches(source(), { columns, isText: false })) batches.push(batch)
    expect(new Table(batches).toArray().map((row: StructRowProxy) => row.toJSON())).toEqual([
      { a: 'x', b: null },
      { a: 'y', b: 1n },
    ])
    await expect(rowsOf([sample(['x'])], { columns, isText: true })).rejects.toThrow(
      'expected the columns of --types, found none named b',
    )
  })
})

describe('files of a command', () => {
  const call = (...words: readonly string[]): CliCall => {
    const { io } = memoryIo()
    const parsed = parseWords(['T', 'file', ...words], writeCommand, COMMON_FLAGS)
    return { ...parsed, io, screen: new CliScreen(io), signal: new AbortController().signal }
  }
  const fileOf = (name: string, text: string): string => {
    const file = path.join(folder, name)
    writeFileSync(file, text)
    return file
  }
  async function rows(files: readonly string[], options: InputOptions): Promise<readonly unknown[]> {
    const batches: RecordBatch[] = []
    for await (const batch of (await inputOf(files, options)).batches) batches.push(batch)
    return new Table(batches).toArray().map((row: StructRowProxy) => row.toJSON())
  }

  it('have the columns and types of the first with rows', async () => {
    const files = [fileOf('0.csv', 'a,b\n'), fileOf('1.csv', 'a,b\n1.5,x\n'), fileOf('2.csv', 'b,a\n7,2\n')]
    expect(await rows(files, { call: call() })).toEqual([
      { a: 1.5, b: 'x' },
      { a: 2, b: '7' },
    ])
    const other = fileOf('3.csv', 'a,c\n1,x\n')
    await expect(rows([...files, other], { call: call() })).rejects.toThrow(
      `${other}: a row after 0: expected only columns of the files before, found c`,
    )
    const text = fileOf('4.csv', 'a\nn/a\n')
    await expect(rows([...files, text], { call: call() })).rejects.toThrow(
      `${text}: row 1, column a: expected a real as in the rows before`,
    )
  })

  it('are named where they are folders or cannot be unzipped', async () => {
    const given = { call: call('--input-format', 'csv') }
    const named = `expected the name of a file, found the folder ${folder}`
    await expect(rows([folder], given)).rejects.toMatchObject({ code: 'CLI_USAGE', message: named })
    await expect(readFileText(folder)).rejects.toMatchObject({ code: 'CLI_USAGE', message: named })
    for (const bytes of [Buffer.from('no gzip'), gzipSync('a,b\n1,2\n').subarray(0, 20)]) {
      const file = path.join(folder, 'x.csv.gz')
      writeFileSync(file, bytes)
      await expect(rows([file], given)).rejects.toMatchObject({
        code: 'KUSTO_BAD_INPUT',
        message: expect.stringContaining(`${file} cannot be read: `) as string,
      })
    }
  })

  it('that is one without rows has columns', async () => {
    const { batches } = await inputOf([fileOf('head.csv', 'a,b\n')], { call: call() })
    const schemas: unknown[] = []
    for await (const { schema, numRows } of batches) schemas.push([schema.names, numRows])
    expect(schemas).toEqual([[['a', 'b'], 0]])
  })

  it('are understood by their names alone where flags are for others', async () => {
    const file = fileOf('other.csv', 'a,b\n1,2\n')
    const given = call('--input-format', 'ndjson', '--types', 'z:long')
    expect(await rows([file], { call: given, isByName: true })).toEqual([{ a: 1n, b: 2n }])
  })

  it.each([
    ['a\tb\n1\t2\n', String.raw`\t`],
    ['a;b\n1;2\n', ';'],
  ])('%j has the delimiter %s', async (text, delimiter) => {
    expect(await rows([fileOf('d.csv', text)], { call: call('--delimiter', delimiter) })).toEqual([{ a: 1n, b: 2n }])
  })

  it.each([
    [['--delimiter', ';;'], 'expected --delimiter to be one character, or \\t for a tab, found ";;"'],
    [['--delimiter', '"'], 'expected --delimiter to be one character'],
    [['--types', 'a:int', '--input-format', 'parquet'], '--types is for csv, tsv, json, ndjson, found parquet'],
    [['--no-header', '--input-format', 'json'], '--no-header is for csv, tsv, found json'],
  ])('do not take %j', async (words, message) => {
    await expect(rows([fileOf('e.csv', 'a\n1\n')], { call: call(...words) })).rejects.toThrow(message)
  })
})

describe('patterns of files', () => {
  const tree = path.join(folder, 'tree')

  beforeAll(() => {
    mkdirSync(path.join(tree, 'deep/er'), { recursive: true })
    for (const name of ['b.csv', 'a.csv', 'a.json', 'deep/c.csv', 'deep/er/d.csv', '[x].csv'])
      writeFileSync(path.join(tree, name), '')
  })

  it.each([
    ['*.csv', ['[x].csv', 'a.csv', 'b.csv']],
    ['?.{csv,json}', ['a.csv', 'a.json', 'b.csv']],
    ['**/[cd].csv', ['deep/c.csv', 'deep/er/d.csv']],
    ['deep/*.csv', ['deep/c.csv']],
    ['[x].csv', ['[x].csv']],
  ])('%s', async (pattern, names) => {
    expect((await globFiles([`${tree}/${pattern}`])).map((file) => path.relative(tree, file))).toEqual(names)
  })

  it('fails for a pattern that fits none and a file that is not there', async () => {
    await expect(globFiles([`${tree}/*.none`])).rejects.toThrow('no file fits')
    await expect(globFiles([`${tree}/none.csv`])).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
