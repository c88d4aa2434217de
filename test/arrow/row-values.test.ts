import { runInNewContext } from 'node:vm'
import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { inferSchema, type Row } from '../../src/arrow/infer-rows.ts'
import { kustoColumns } from '../../src/arrow/kusto-columns.ts'
import {
  toBool,
  toDatetime,
  toDecimal,
  toDynamic,
  toGuid,
  toInteger,
  toReal,
  toTimespan,
} from '../../src/arrow/row-values.ts'
import type { ScalarName } from '../../src/arrow/scalar-types.ts'
import { rowsToBatch } from '../../src/arrow/rows-to-batch.ts'

const codeOf = (run: () => unknown): string => {
  try {
    return `made ${String(run())}`
  } catch (error) {
    return (error as { readonly code: string }).code
  }
}

describe('toDecimal', () => {
  test.each<[unknown, string]>([
    ['1', '1'],
    ['-0', '0'],
    ['+007.500', '7.5'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1e3', '1000'],
    ['-1.25E-3', '-0.00125'],
    ['1234e-2', '12.34'],
    ['0e9', '0'],
    [1e21, '1000000000000000000000'],
    [1e-7, '0.0000001'],
    [0.1, '0.1'],
    [-(2n ** 63n), '-9223372036854775808'],
    ['0'.repeat(50) + '1' + '0'.repeat(50), '1' + '0'.repeat(50)],
  ])('writes %s as plain digits: %s', (value, text) => {
    expect(toDecimal(value)).toBe(text)
  })

  test.each<[unknown, string]>([
    [NaN, 'KUSTO_ROW_VALUE'],
    [Infinity, 'KUSTO_ROW_VALUE'],
    ['', 'KUSTO_ROW_VALUE'],
    ['.', 'KUSTO_ROW_VALUE'],
    ['-', 'KUSTO_ROW_VALUE'],
    ['e5', 'KUSTO_ROW_VALUE'],
    ['0x10', 'KUSTO_ROW_VALUE'],
    ['1 000', 'KUSTO_ROW_VALUE'],
    ['1e99999', 'KUSTO_ROW_VALUE'],
    ['1'.repeat(35), 'KUSTO_DECIMAL_DIGITS'],
    [true, 'KUSTO_ROW_VALUE'],
  ])('refuses %s', (value, code) => {
    expect(codeOf(() => toDecimal(value))).toBe(code)
  })

  it('moves the point as arithmetic does', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
        fc.integer({ min: -30, max: 30 }),
        (digits, exponent) => {
          const plain = toDecimal(`${digits}e${exponent}`)
          expect(plain).toMatch(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/)
          // digits * 10^exponent, both sides scaled by 10^30.
          const [whole = '', fraction = ''] = plain.split('.')
          const scaled = BigInt(whole.replace('-', '') + fraction.padEnd(30, '0')) * (plain.startsWith('-') ? -1n : 1n)
          expect(scaled).toBe(digits * 10n ** BigInt(30 + exponent))
        },
      ),
    )
  })
})

describe('values of other types', () => {
  test.each<[string, () => unknown, unknown]>([
    ['bool', () => toBool('False'), false],
    ['int', () => toInteger('+2147483647', 'int'), 2_147_483_647n],
    ['long', () => toInteger('-9223372036854775808', 'long'), -(2n ** 63n)],
    ['long of a whole number', () => toInteger(1e15, 'long'), 10n ** 15n],
    ['real', () => toReal('-inf'), -Infinity],
    ['real of a bigint', () => toReal(2n ** 60n), 2 ** 60],
    ['datetime', () => toDatetime('0001-01-01T00:00:00.0000001Z'), 1n],
    ['datetime of a Date', () => toDatetime(new Date(0)), 621_355_968_000_000_000n],
    ['timespan', () => toTimespan('-1.00:00:00.0000001'), -864_000_000_001n],
    ['guid', () => toGuid('74BE27DE1E4E49D9B579FE0B331D3642'), '74be27de-1e4e-49d9-b579-fe0b331d3642'],
    ['guid of bytes', () => toGuid(new Uint8Array(16).fill(255)), 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    ['dynamic of JSON text', () => toDynamic(' {"a":1.0} '), ' {"a":1.0} '],
    ['dynamic of other text', () => toDynamic('it is "so"'), '"it is \\"so\\""'],
    [
      'dynamic of lists with holes',
      () => toDynamic({ a: Object.assign([], { 1: 1, length: 3 }), b: Object.assign([], { length: 2 }) }),
      '{"a":[null,1,null],"b":[null,null]}',
    ],
    [
      'dynamic of typed arrays',
      () => toDynamic([Float32Array.of(1.5, NaN), BigInt64Array.of(2n ** 60n), new Uint8ClampedArray(1)]),
      '[[1.5,"NaN"],[1152921504606846976],[0]]',
    ],
    ['dynamic of empty objects', () => toDynamic([{}, [], new Map(), Object.create(null)]), '[{},[],{},{}]'],
    ['dynamic of an empty object of another realm', () => toDynamic(runInNewContext('({})')), '{}'],
    ['dynamic of a map', () => toDynamic(new Map([[1n, [undefined, NaN]]])), '{"1":[null,"NaN"]}'],
  ])('%s', (_name, make, expected) => {
    expect(make()).toEqual(expected)
  })

  test.each<[string, () => unknown, string]>([
    ['bool of a number', () => toBool(1), 'KUSTO_ROW_VALUE'],
    ['int of a fraction', () => toInteger(1.5, 'int'), 'KUSTO_ROW_VALUE'],
    ['int too large', () => toInteger(2 ** 31, 'int'), 'KUSTO_INTEGER_RANGE'],
    ['long too large', () => toInteger(2n ** 63n, 'long'), 'KUSTO_INTEGER_RANGE'],
    ['long of hex', () => toInteger('0x10', 'long'), 'KUSTO_ROW_VALUE'],
    ['real of an inexact bigint', () => toReal(2n ** 60n + 1n), 'KUSTO_INTEGER_RANGE'],
    ['real of a blank', () => toReal(' '), 'KUSTO_ROW_VALUE'],
    ['datetime of an invalid Date', () => toDatetime(new Date(NaN)), 'KUSTO_BAD_DATETIME'],
    ['datetime of a number', () => toDatetime(5), 'KUSTO_ROW_VALUE'],
    ['timespan of a number', () => toTimespan(5), 'KUSTO_ROW_VALUE'],
    ['guid with braces', () => toGuid('{74be27de-1e4e-49d9-b579-fe0b331d3642}'), 'KUSTO_BAD_GUID'],
    ...[
      Promise.resolve(1),
      /a/,
      new ArrayBuffer(4),
      new DataView(new ArrayBuffer(4)),
      Object(1),
      new WeakMap(),
      [1].keys(),
    ].map((value): [string, () => unknown, string] => [
      `dynamic of a ${value.constructor.name}, which would be an empty object,`,
      () => toDynamic({ a: value }),
      'KUSTO_ROW_VALUE',
    ]),
    ['dynamic of an invalid Date', () => toDynamic({ a: [new Date(NaN)] }), 'KUSTO_ROW_VALUE'],
    ['dynamic of broken JSON', () => toDynamic('[1,'), 'KUSTO_ROW_VALUE'],
  ])('%s is refused', (_name, make, code) => {
    expect(codeOf(make)).toBe(code)
  })

  it('dynamic of a value that is part of itself is refused', () => {
    const loop: Record<string, unknown> = {}
    loop['self'] = [loop]
    expect(codeOf(() => toDynamic(loop))).toBe('KUSTO_ROW_VALUE')
  })
})

describe('known types', () => {
  const schemaOf = (rows: readonly Row[], known: Readonly<Record<string, ScalarName>>): Record<string, string> =>
    Object.fromEntries(
      kustoColumns(inferSchema(rows, new Map(Object.entries(known)))).map(({ name, type }) => [name, type]),
    )

  it('are taken where every value could be one, and where there are only nulls', () => {
    expect(
      schemaOf([{ a: '1', b: 1, c: null, d: 'x' }, { a: 2 }], { a: 'decimal', b: 'int', c: 'guid', d: 'dynamic' }),
    ).toEqual({
      a: 'decimal',
      b: 'int',
      c: 'guid',
      d: 'dynamic',
    })
  })

  it('are left aside where a value cannot be one, and for strings', () => {
    expect(schemaOf([{ a: true, b: 1, c: 5 }], { a: 'guid', b: 'string', c: 'timespan' })).toEqual({
      a: 'bool',
      b: 'long',
      c: 'long',
    })
  })
})

describe('inferred columns', () => {
  let duck: DuckDBInstance
  let connection: DuckDBConnection
  let folder = ''

  beforeAll(async () => {
    duck = await DuckDBInstance.create(':memory:')
    connection = await duck.connect()
    folder = mkdtempSync(join(tmpdir(), 'kusto-arrow-rows-'))
  })
  afterAll(() => {
    connection.closeSync()
    duck.closeSync()
    rmSync(folder, { recursive: true })
  })

  const KINDS = {
    bool: { value: fc.boolean(), sql: 'BOOLEAN', type: 'bool', text: String },
    integer: {
      value: fc.maxSafeInteger(),
      sql: 'BIGINT',
      type: 'long',
      text: (value: unknown) => String(BigInt(value as number)),
    },
    bigint: { value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), sql: 'BIGINT', type: 'long', text: String },
    real: {
      value: fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
      sql: 'DOUBLE',
      type: 'real',
      text: undefined,
    },
    string: {
      value: fc.string({ minLength: 1 }).filter((text) => !text.includes('\0')),
      sql: 'VARCHAR',
      type: 'string',
      text: String,
    },
    datetime: {
      value: fc.date({ min: new Date('0001-01-02'), max: new Date('9999-12-30'), noInvalidDate: true }),
      sql: 'TIMESTAMP',
      type: 'datetime',
      text: (value: unknown) => String((value as Date).getTime()),
    },
  } as const
  type Kind = keyof typeof KINDS
  const kinds = Object.keys(KINDS) as Kind[]

  it('hold the values of any rows, as DuckDB reads them', { timeout: 120_000 }, async () => {
    const rowsOf = fc
      .array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 4 })
      .chain((columns) =>
        fc.tuple(
          fc.constant(columns),
          fc.array(
            fc.tuple(
              ...columns.map((kind) => fc.option(KINDS[kind].value as fc.Arbitrary<unknown>, { nil: undefined })),
            ),
            { minLength: 1, maxLength: 12 },
          ),
        ),
      )
    let run = 0
    await fc.assert(
      fc.asyncProperty(rowsOf, async ([columns, values]) => {
        const rows = values.map((cells) => Object.fromEntries(cells.map((value, at) => [`c${at}`, value])))
        const schema = inferSchema(rows)
        for (const [at, { type }] of kustoColumns(schema).entries()) {
          const kind = columns[at]!
          const some = values.some((cells) => cells[at] !== undefined)
          expect(type).toBe(some ? KINDS[kind].type : 'string')
        }
        const file = join(folder, `${run++}.csv`)
        writeFileSync(file, encodeCsv(rowsToBatch(rows, schema)).bytes)
        const list = columns.map((_, at) => `'c${at}': 'VARCHAR'`).join(', ')
        const casts = columns.map((kind, at) =>
          kind === 'datetime' ? `epoch_ms(CAST(c${at} AS TIMESTAMPTZ))` : `CAST(c${at} AS ${KINDS[kind].sql})`,
        )
        const read = await connection.runAndReadAll(
          `SET TimeZone = 'UTC'; SELECT ${casts.join(', ')} FROM read_csv('${file}', header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '', columns = {${list}})`,
        )
        const found = read.getRows()
        expect(found).toHaveLength(rows.length)
        for (const [row, cells] of values.entries()) {
          for (const [at, value] of cells.entries()) {
            const cell = found[row]![at]
            const { text } = KINDS[columns[at]!]
            if (value === undefined) expect(cell).toBeNull()
            else if (text === undefined) expect(cell).toBe(value)
            else expect(String(cell)).toBe(text(value))
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})
