import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBBlobValue, type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import {
  Decimal,
  DenseUnion,
  Dictionary,
  Duration,
  Field,
  FixedSizeList,
  Float64,
  Int32,
  Int64,
  Int8,
  Interval,
  IntervalUnit,
  List,
  makeData,
  Map_,
  Null,
  RecordBatch,
  Struct,
  tableFromIPC,
  tableToIPC,
  Table,
  Timestamp,
  TimeUnit,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import type { ScalarName } from '../../src/arrow/scalar-types.ts'
import { KustoDataError } from '../../src/errors.ts'
import { batchOf, bitmapOf, COLUMN_CASES, drawnBatches, flat, oneColumn, spans, words } from './any-columns.ts'

const csv = (batch: RecordBatch, type?: ScalarName): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    encodeCsv(batch, type === undefined ? {} : { columns: [{ name: 'c', type }] }).bytes,
  )
const longs = flat(new Int64(), (n) => new BigInt64Array(n))
const reals = flat(new Float64(), (n) => new Float64Array(n))
const strings = spans(new Utf8())
/** DuckDB drops the plus of an exponent and the minus of a zero when it reads JSON. */
const signless = (text: string): string => (text === '-0' ? '0' : text.replace(/^(-?\d+(?:\.\d+)?e)\+/, '$1'))
const thrown = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('encodeCsv against DuckDB', () => {
  let connection: DuckDBConnection
  let folder: string
  beforeAll(async () => {
    connection = await (await DuckDBInstance.create()).connect()
    folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-csv-'))
  })
  afterAll(async () => {
    connection.closeSync()
    await rm(folder, { recursive: true })
  })

  it('spark:T1 spark:T2 spark:T3 every flat Arrow type, sliced and with nulls, is read back cell by cell', async () => {
    const path = join(folder, 'cells.csv')
    await fc.assert(
      fc.asyncProperty(drawnBatches(COLUMN_CASES), async ({ batch, texts }) => {
        const encoded = encodeCsv(batch)
        expect(encoded.rows).toBe(texts.length)
        if (texts.length === 0) {
          expect(encoded.bytes.length).toBe(0)
          return
        }
        await writeFile(path, encoded.bytes)
        const names = batch.schema.fields.map((_, index) => `'c${index}': 'VARCHAR'`).join(', ')
        // As blobs: the client strips a leading byte order mark when it decodes text.
        const reader = await connection.runAndReadAll(
          `select encode(columns(*)) from read_csv('${path}', header = false, auto_detect = false, columns = {${names}}, delim = ',',
             quote = '"', escape = '"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, strict_mode = true)`,
        )
        // One column: a null record is `""`, which DuckDB reads as the empty string.
        const single = batch.numCols === 1
        const cells = reader.getRows().map((row) => row.map((cell) => (cell as DuckDBBlobValue | null)?.bytes ?? null))
        const decoded = cells.map((row) => row.map((cell) => (cell === null ? null : Buffer.from(cell).toString())))
        expect(decoded).toEqual(single ? texts.map(([cell]) => [cell ?? '']) : texts)
      }),
      { numRuns: 300 },
    )
  })

  it('spark:T1 spark:T4 members of every flat Arrow type, sliced and with nulls, are JSON that DuckDB reads', async () => {
    const path = join(folder, 'members.csv')
    await fc.assert(
      fc.asyncProperty(drawnBatches(COLUMN_CASES), async ({ batch, texts }) => {
        if (texts.length === 0) return
        const type = new Struct([...batch.schema.fields])
        const data = makeData({ type, length: batch.numRows, children: [...batch.data.children] })
        const list = makeData({
          type: new FixedSizeList(1, new Field('item', type, true)),
          length: batch.numRows,
          child: data,
        } as never)
        await writeFile(path, encodeCsv(batchOf([new Field('l', list.type, true)], [list], batch.numRows)).bytes)
        const members = batch.schema.fields.map((field) => `encode(c->0->>'$."${field.name}"')`)
        const reader = await connection.runAndReadAll(
          `select json_valid(c), ${members.join(', ')} from read_csv('${path}', header = false, auto_detect = false, columns = {'c': 'VARCHAR'},
            delim = ',', quote = '"', escape = '"', new_line = '\\n', strict_mode = true)`,
        )
        // As blobs: the client strips a leading byte order mark when it decodes text.
        const found = reader
          .getRows()
          .map(([valid, ...cells]) => [
            valid,
            ...cells.map((cell) => (cell === null ? null : Buffer.from((cell as DuckDBBlobValue).bytes).toString())),
          ])
        expect(found).toEqual(
          texts.map((cells) => [true, ...cells.map((cell) => (cell === null ? null : signless(cell)))]),
        )
      }),
      { numRuns: 150 },
    )
  })

  it('spark:T3 strings of a megabyte, lone CR and LF, and quotes at block borders are read back', async () => {
    const path = join(folder, 'long.csv')
    const long = 'x'.repeat(1_048_575)
    const values = [
      '\r',
      '\n',
      '\r\n',
      '"',
      '""',
      ',',
      `${long}"`,
      `"${long}`,
      `${long},`,
      long,
      '\uFEFF',
      'é'.repeat(524_288),
    ]
    await writeFile(path, encodeCsv(oneColumn(strings(values))).bytes)
    const reader = await connection.runAndReadAll(
      `select encode(c) from read_csv('${path}', header = false, auto_detect = false, columns = {'c': 'VARCHAR'}, delim = ',',
        quote = '"', escape = '"', new_line = '\\n', strict_mode = true, max_line_size = 8388608)`,
    )
    const cells = reader.getRows().map(([cell]) => Buffer.from((cell as DuckDBBlobValue).bytes).toString())
    expect(cells.map((cell) => cell.length)).toEqual(values.map((value) => value.length))
    expect(cells.every((cell, index) => cell === values[index])).toBe(true)
  })
})

describe('encodeCsv of larger batches', () => {
  const rows = 1500
  const texts = Array.from({ length: rows }, (_, row) =>
    row % 7 === 0 ? null : `text ${row}${row % 11 === 0 ? ', "x"' : ''}`,
  )
  const numbers = Array.from({ length: rows }, (_, row) => (row % 5 === 0 ? null : BigInt(row) ** 5n))
  const nanoseconds = flat(new Timestamp(TimeUnit.NANOSECOND), (n) => new BigInt64Array(n))
  const times = numbers.map((value, row) => (value === null ? null : BigInt(row)))
  const lists = vectorFromArray(
    Array.from({ length: rows }, (_, row) =>
      row % 3 === 0 ? null : Array.from({ length: row % 4 }, (_i, item) => item / 4),
    ),
    new List(new Field('item', new Float64(), true)),
  ).data[0]!
  const batch = batchOf(
    [
      new Field('s', new Utf8(), true),
      new Field('n', new Int64(), true),
      new Field('t', new Timestamp(TimeUnit.NANOSECOND), true),
      new Field('l', lists.type, true),
    ],
    [strings(texts), longs(numbers), nanoseconds(times), lists],
    rows,
  )

  it('writes the same records in one piece and in pieces of any size, with the same counts', () => {
    const whole = encodeCsv(batch)
    expect(whole.cutTimes).toBe(times.filter((value) => value !== null && value % 100n !== 0n).length)
    const records = csv(batch).split('\n')
    expect(records[6]).toBe('text 6,7776,1970-01-01T00:00:00.0000000Z,')
    expect(records[22]).toBe('"text 22, ""x""",5153632,1970-01-01T00:00:00.0000000Z,"[0,0.25]"')
    fc.assert(
      fc.property(fc.integer({ min: 80, max: 60_000 }), fc.nat({ max: rows }), (maxBytes, startRow) => {
        const parts: Uint8Array[] = []
        let cutTimes = 0
        for (let row = startRow; row < rows;) {
          const part = encodeCsv(batch, { startRow: row, maxBytes })
          expect(part.bytes.length).toBeLessThanOrEqual(maxBytes)
          expect(part.nextRow - row).toBe(part.rows)
          parts.push(part.bytes)
          cutTimes += part.cutTimes
          row = part.nextRow
        }
        expect(Buffer.concat(parts).toString()).toBe(records.slice(startRow).join('\n'))
        if (startRow === 0) expect(cutTimes).toBe(whole.cutTimes)
      }),
      { numRuns: 30 },
    )
  })

  it('names the row of a refused value in a later block, in a slice and inside a list', () => {
    const seconds = flat(new Timestamp(TimeUnit.SECOND), (n) => new BigInt64Array(n))
    const column = seconds(
      Array.from({ length: rows }, (_, row) => (row === 1400 ? 2n ** 60n : row % 2 === 0 ? null : 1n)),
    )
    expect(thrown(() => encodeCsv(oneColumn(column)))).toMatchObject({ row: 1400, column: 'c' })
    expect(thrown(() => encodeCsv(oneColumn(column).slice(300), { rowOffset: 300 }))).toMatchObject({ row: 1400 })
    const pairs = makeData({
      type: new FixedSizeList(2, new Field('item', column.type, true)),
      length: rows / 2,
      child: column,
    } as never)
    expect(thrown(() => encodeCsv(oneColumn(pairs)))).toMatchObject({ code: 'KUSTO_DATETIME_RANGE', row: 700 })
  })

  it('does not look at values under null structs and null lists', () => {
    const bad = flat(new Timestamp(TimeUnit.SECOND), (n) => new BigInt64Array(n))([2n ** 60n, 1n])
    const type = new Struct([new Field('t', bad.type, true)])
    const data = makeData({ type, length: 2, nullCount: 1, nullBitmap: Uint8Array.of(2), children: [bad] })
    expect(csv(oneColumn(data))).toBe('""\n"{""t"":""1970-01-01T00:00:01.0000000Z""}"\n')
  })

  it('reads dictionaries that came in several pieces', () => {
    const type = new Dictionary(new Utf8(), new Int8(), 9)
    const dictionary = new Vector([strings(['red', null]), strings(['a,b', 'blue'])])
    const keys = [3, 2, 0, null, 1, 2]
    const data = makeData({
      type,
      length: keys.length,
      ...bitmapOf(keys),
      data: Int8Array.from(keys, (key) => key ?? 0),
      dictionary,
    } as never)
    expect(csv(oneColumn(data))).toBe('blue\n"a,b"\nred\n""\n""\n"a,b"\n')
  })
})

describe('encodeCsv', () => {
  it('spark:T2 writes a null as nothing, an empty string as "" and no blank line for a null alone in its record', () => {
    const batch = batchOf(
      [new Field('a', new Utf8(), true), new Field('b', new Int64(), true)],
      [strings(['', null, 'x']), longs([1n, null, null])],
      3,
    )
    expect(csv(batch)).toBe('"",1\n,\nx,\n')
    expect(csv(oneColumn(longs([null, 5n])))).toBe('""\n5\n')
    expect(csv(oneColumn(makeData({ type: new Null(), length: 2 })))).toBe('""\n""\n')
  })

  it('spark:T3 quotes commas, quotes, line breaks and a leading byte order mark, and nothing else', () => {
    const batch = oneColumn(strings(['a,b', 'say "hi"', 'x\ny', 'x\ry', '\uFEFFa', ' a ', "it's", 'tab\t', 'nul\0']))
    expect(csv(batch)).toBe('"a,b"\n"say ""hi"""\n"x\ny"\n"x\ry"\n"\uFEFFa"\n a \nit\'s\ntab\t\nnul\0\n')
  })

  it('spark:T3 counts cells over 1 MiB instead of losing their tail silently', () => {
    const { bytes, oversizeCells } = encodeCsv(oneColumn(strings(['x'.repeat(1_048_577), 'y'.repeat(1_048_576)])))
    expect([bytes.length, oversizeCells]).toEqual([1_048_577 + 1_048_576 + 2, 1])
  })

  it('spark:T5 writes datetimes in UTC with seven digits, from year 1 to 9999, whatever zone the column names', () => {
    const type = new Timestamp(TimeUnit.MICROSECOND, 'America/New_York')
    const batch = oneColumn(
      flat(type, (n) => new BigInt64Array(n))([-62_135_596_800_000_000n, -1n, 0n, 253_402_300_799_999_999n]),
    )
    expect(csv(batch).split('\n')).toEqual([
      '0001-01-01T00:00:00.0000000Z',
      '1969-12-31T23:59:59.9999990Z',
      '1970-01-01T00:00:00.0000000Z',
      '9999-12-31T23:59:59.9999990Z',
      '',
    ])
  })

  it('spark:T5 refuses a time outside the years 0001 to 9999, naming column and row', () => {
    const type = new Timestamp(TimeUnit.SECOND)
    const batch = oneColumn(flat(type, (n) => new BigInt64Array(n))([0n, 253_402_300_800n]))
    const error = thrown(() => encodeCsv(batch, { rowOffset: 10 }))
    expect(error).toBeInstanceOf(KustoDataError)
    expect(error).toMatchObject({ code: 'KUSTO_DATETIME_RANGE', column: 'c', row: 11, type: 'datetime' })
  })

  it('counts times whose digits below 100 ns it had to cut', () => {
    const type = new Timestamp(TimeUnit.NANOSECOND)
    const { cutTimes } = encodeCsv(oneColumn(flat(type, (n) => new BigInt64Array(n))([100n, 101n, -1n])))
    expect(cutTimes).toBe(2)
  })

  it('spark:T7 writes int64 ticks as datetimes and timespans where the column says so', () => {
    const ticks = [0n, 3_155_378_975_999_999_999n]
    expect(csv(oneColumn(longs(ticks), { 'kusto:type': 'datetime' }))).toBe(
      '0001-01-01T00:00:00.0000000Z\n9999-12-31T23:59:59.9999999Z\n',
    )
    const spans = [-1n, 863_999_999_999n, -(2n ** 63n), 2n ** 63n - 1n]
    expect(csv(oneColumn(longs(spans), { 'kusto:type': 'timespan' }))).toBe(
      '-00:00:00.0000001\n23:59:59.9999999\n-10675199.02:48:05.4775808\n10675199.02:48:05.4775807\n',
    )
  })

  it('refuses durations over 2^63 ticks and intervals of months', () => {
    const long = flat(new Duration(TimeUnit.SECOND), (n) => new BigInt64Array(n))([922_337_203_686n])
    expect(thrown(() => csv(oneColumn(long)))).toMatchObject({ code: 'KUSTO_TIMESPAN_RANGE', row: 0 })
    const months = flat(new Interval(IntervalUnit.YEAR_MONTH), (n) => new Int32Array(n))([0, 1])
    expect(thrown(() => csv(oneColumn(months)))).toMatchObject({ code: 'KUSTO_TIMESPAN_MONTHS', row: 1 })
  })

  it('spark:T7 refuses an unsigned long over 2^63-1 unless the column is a decimal', () => {
    const batch = oneColumn(flat(new Uint64(), (n) => new BigUint64Array(n))([1n, 2n ** 64n - 1n]))
    expect(thrown(() => csv(batch))).toMatchObject({ code: 'KUSTO_INTEGER_RANGE', column: 'c', row: 1, type: 'long' })
    expect(csv(batch, 'decimal')).toBe('1\n18446744073709551615\n')
  })

  it('refuses integers and reals that a narrower target column would turn into null', () => {
    expect(thrown(() => csv(oneColumn(longs([2n ** 31n])), 'int'))).toMatchObject({ code: 'KUSTO_INTEGER_RANGE' })
    expect(csv(oneColumn(longs([-(2n ** 31n), 2n ** 31n - 1n])), 'int')).toBe('-2147483648\n2147483647\n')
    expect(thrown(() => csv(oneColumn(reals([1.5])), 'long'))).toMatchObject({ code: 'KUSTO_INTEGER_RANGE' })
    expect(csv(oneColumn(reals([3, -0, 2 ** 62])), 'long')).toBe('3\n0\n4611686018427387904\n')
    expect(thrown(() => csv(oneColumn(reals([NaN])), 'decimal'))).toMatchObject({ code: 'KUSTO_DECIMAL_RANGE' })
    expect(thrown(() => csv(oneColumn(longs([2n ** 53n + 1n])), 'real'))).toMatchObject({ type: 'real' })
  })

  it('spark:T6 writes decimals in plain digits and refuses more than 34 significant ones', () => {
    const type = new Decimal(4, 38)
    const build = flat(type, (n) => new Uint32Array(n), 4)
    const values = [12345n, -5n, 0n, -(10n ** 37n)]
    expect(csv(oneColumn(build(values.map((value) => words(value, 4)))))).toBe(
      '1.2345\n-0.0005\n0.0000\n-1000000000000000000000000000000000.0000\n',
    )
    const over = oneColumn(build([words(10n ** 34n + 1n, 4)]))
    expect(thrown(() => csv(over))).toMatchObject({ code: 'KUSTO_DECIMAL_DIGITS', column: 'c', row: 0 })
    const negativeScale = flat(new Decimal(-3, 38), (n) => new Uint32Array(n), 4)([words(-7n, 4)])
    expect(csv(oneColumn(negativeScale))).toBe('-7000\n')
  })

  it('writes text as it is for any target type, and scalars as JSON for a dynamic column', () => {
    const batch = oneColumn(strings(['{"a":1}', '01:00:00']), { 'kusto:type': 'dynamic' })
    expect(csv(batch)).toBe('"{""a"":1}"\n01:00:00\n')
    expect(csv(oneColumn(reals([1.5, NaN])), 'dynamic')).toBe('1.5\n"""NaN"""\n')
  })

  it('spark:T4 writes nested values as JSON', () => {
    const nan = [NaN, -Infinity, 1.5, null]
    const list = vectorFromArray([nan, [], null], new List(new Field('item', new Float64(), true))).data[0]!
    expect(csv(oneColumn(list))).toBe('"[""NaN"",""-Infinity"",1.5,null]"\n"[]"\n""\n')

    const struct = vectorFromArray(
      [{ 'a "b"': 'x\u0001"\\\n', n: 9_007_199_254_740_993n, t: null }],
      new Struct([
        new Field('a "b"', new Utf8(), true),
        new Field('n', new Int64(), true),
        new Field('t', new Timestamp(TimeUnit.SECOND), true),
      ]),
    ).data[0]!
    const cell = csv(oneColumn(struct), 'dynamic').slice(1, -2).replaceAll('""', '"')
    expect(cell).toBe('{"a \\"b\\"":"x\\u0001\\"\\\\\\n","n":9007199254740993,"t":null}')
    expect(JSON.parse(cell)).toMatchObject({ 'a "b"': 'x\u0001"\\\n' })
  })

  it('spark:T4 turns map keys of any type into strings', () => {
    const entries = new Struct([new Field('key', new Int32(), false), new Field('value', new Utf8(), true)])
    const type = new Map_(new Field('entries', entries, false))
    const child = makeData({
      type: entries,
      length: 2,
      children: [flat(new Int32(), (n) => new Int32Array(n))([7, -1]), strings(['a', null])],
    })
    const data = makeData({ type, length: 1, valueOffsets: Int32Array.of(0, 2), child } as never)
    expect(csv(oneColumn(data))).toBe('"{""7"":""a"",""-1"":null}"\n')
  })

  it('spark:T4 follows unions, fixed-size lists and dictionaries inside lists', () => {
    const union = new DenseUnion([0, 1], [new Field('i', new Int32(), true), new Field('s', new Utf8(), true)])
    const data = makeData({
      type: union,
      length: 3,
      typeIds: Int8Array.of(1, 0, 1),
      valueOffsets: Int32Array.of(0, 0, 1),
      children: [flat(new Int32(), (n) => new Int32Array(n))([4]), strings(['x', null])],
    } as never)
    expect(csv(oneColumn(data))).toBe('"""x"""\n4\nnull\n')

    const dictionary = new Vector([strings(['red', null])])
    const item = new Dictionary(new Utf8(), new Int8(), 3)
    const keys = makeData({
      type: item,
      length: 4,
      ...bitmapOf([0, 1, null, 0]),
      data: Int8Array.of(0, 1, 0, 0),
      dictionary,
    } as never)
    const pairs = makeData({
      type: new FixedSizeList(2, new Field('item', item, true)),
      length: 2,
      child: keys,
    } as never)
    expect(csv(oneColumn(pairs))).toBe('"[""red"",null]"\n"[null,""red""]"\n')
    expect(csv(oneColumn(pairs).slice(1, 2))).toBe('"[null,""red""]"\n')
  })

  it('spark:T4 structs, maps and lists inside each other to depth 5 are one JSON value', () => {
    const amount = new Field('amount', new Decimal(2, 38), true)
    const pair = new Struct([
      amount,
      new Field('when', new Timestamp(TimeUnit.MICROSECOND), true),
      new Field('r', new Float64(), true),
    ])
    const decimals = flat(amount.type, (n) => new Uint32Array(n), 4)([words(-(10n ** 33n) - 5n, 4), null, words(7n, 4)])
    const times = flat(new Timestamp(TimeUnit.MICROSECOND), (n) => new BigInt64Array(n))([0n, -1n, null])
    const pairs = makeData({ type: pair, length: 3, children: [decimals, times, reals([NaN, null, -0.5])] })
    const list = makeData({
      type: new List(new Field('p', pair, true)),
      length: 2,
      valueOffsets: Int32Array.of(0, 2, 3),
      child: pairs,
    })
    const entries = new Struct([new Field('key', new Utf8(), false), new Field('value', list.type, true)])
    const entryData = makeData({ type: entries, length: 2, children: [strings(['a"b', '']), list] })
    const map = makeData({
      type: new Map_(new Field('entries', entries, false)),
      length: 1,
      valueOffsets: Int32Array.of(0, 2),
      child: entryData,
    } as never)
    const outer = makeData({
      type: new Struct([new Field('m', map.type, true), new Field('none', new Struct([]), true)]),
      length: 1,
      children: [map, makeData({ type: new Struct([]), length: 1, children: [] })],
    })
    const cell = csv(oneColumn(outer)).slice(1, -2).replaceAll('""', '"')
    expect(cell).toContain('"-10000000000000000000000000000000.05"')
    expect(JSON.parse(cell)).toEqual({
      m: {
        'a"b': [
          { amount: '-10000000000000000000000000000000.05', when: '1970-01-01T00:00:00.0000000Z', r: 'NaN' },
          { amount: null, when: '1969-12-31T23:59:59.9999990Z', r: null },
        ],
        '': [{ amount: '0.07', when: null, r: -0.5 }],
      },
      none: {},
    })
    expect(csv(oneColumn(makeData({ type: new Struct([]), length: 2, children: [] })))).toBe('"{}"\n"{}"\n')
  })

  it('embeds arrow.json members as JSON, or as a string where they are not', () => {
    const member = new Field('j', new Utf8(), true, new Map([['ARROW:extension:name', 'arrow.json']]))
    const data = makeData({ type: new Struct([member]), length: 2, children: [strings(['{"a":[1]}', '{'])] })
    expect(csv(oneColumn(data))).toBe('"{""j"":{""a"":[1]}}"\n"{""j"":""{""}"\n')
  })

  it('spark:T4 nested values to depth 5 survive IPC, slices and JSON.parse', () => {
    const leaf = fc.option(fc.string({ unit: 'grapheme', maxLength: 6 }))
    let type: List = new List(new Field('item', new Utf8(), true))
    let value: fc.Arbitrary<unknown> = fc.option(fc.array(leaf, { maxLength: 3 }))
    for (let depth = 1; depth < 5; depth++) {
      type = new List(new Field('item', type, true))
      value = fc.option(fc.array(value, { maxLength: 2 }))
    }
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), fc.nat({ max: 4 }), (values, skip) => {
        const table = tableFromIPC(tableToIPC(new Table({ c: vectorFromArray(values, type) })))
        const batch = table.batches[0]!.slice(Math.min(skip, values.length))
        const lines = csv(batch).split('\n').slice(0, -1)
        const cells = lines.map((line) => (line.startsWith('"') ? line.slice(1, -1).replaceAll('""', '"') : line))
        expect(cells.map((cell) => (cell === '' ? null : JSON.parse(cell)))).toEqual(values.slice(skip))
      }),
    )
  })

  it('stops before the record that would pass maxBytes and goes on from there', () => {
    const batch = oneColumn(strings(['aaaa', 'bbbb', 'cc', 'dddddddd']))
    const parts: string[] = []
    for (let row = 0; row < batch.numRows;) {
      const part = encodeCsv(batch, { startRow: row, maxBytes: 10 })
      parts.push(new TextDecoder().decode(part.bytes))
      row = part.nextRow
    }
    expect(parts).toEqual(['aaaa\nbbbb\n', 'cc\n', 'dddddddd\n'])
    const error = thrown(() => encodeCsv(batch, { startRow: 3, maxBytes: 8, rowOffset: 100 }))
    expect(error).toMatchObject({ code: 'KUSTO_RECORD_TOO_LARGE', row: 103 })
  })

  it('refuses columns that do not suit the batch', () => {
    expect(thrown(() => csv(oneColumn(longs([1n])), 'guid'))).toMatchObject({ code: 'KUSTO_COLUMN_MISMATCH' })
    expect(thrown(() => encodeCsv(oneColumn(longs([1n])), { columns: [] }))).toMatchObject({
      code: 'KUSTO_COLUMN_MISMATCH',
    })
  })
})
