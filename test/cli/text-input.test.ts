import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { csvRecords } from '../../src/cli/csv-records.ts'
import { globFiles } from '../../src/cli/glob-files.ts'
import { inferType } from '../../src/cli/infer-type.ts'
import { arrayRecords, lineRecords } from '../../src/cli/json-records.ts'
import { typedBatches } from '../../src/cli/typed-batches.ts'
import type { Cell, Records } from '../../src/cli/typed-batches.ts'

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
  ])('refuses %j with the line', async (text, message) => {
    await expect(all(csvRecords(pieces(text, 4), { separator: ',', hasHeader: true }))).rejects.toThrow(message)
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
    [['99999999999999999999'], 'real'],
  ])('of %j are %s', (values, type) => {
    expect(inferType(values, true)).toBe(type)
  })

  it('never makes numbers of JSON strings', () => {
    expect(inferType(['1', '2'], false)).toBe('string')
    expect(inferType([1, 2n], false)).toBe('long')
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
