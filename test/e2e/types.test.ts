import {
  Binary,
  Bool,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMicrosecond,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  LargeUtf8,
  List,
  Map_,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimeMicrosecond,
  TimeNanosecond,
  TimeSecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  makeData,
  vectorFromArray,
} from 'apache-arrow'
import type { DataType, Vector } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { canonicalTable } from './canonical.ts'
import type { Canonical } from './canonical.ts'

interface TypeCase {
  readonly name: string
  readonly vector: Vector
  readonly metadata?: readonly (readonly [string, string])[]
  /** Kusto's type by DESIGN section 4. */
  readonly kusto: string
  /** What comes back, in the form of `canonical`. */
  readonly expected: readonly Canonical[]
  readonly parquet: boolean
}

/** Two values and a null. */
const ints = (type: DataType): Vector => vectorFromArray([1, null, 100], type)

/** 64-bit values with a null in the middle, straight into the buffer. */
function longs(type: DataType, first: bigint, last: bigint): Vector {
  const data = BigInt64Array.of(first, 0n, last)
  return new (vectorFromArray([1]).constructor as new (data: unknown[]) => Vector)([
    makeData({ type: type as Int64, length: 3, nullCount: 1, nullBitmap: Uint8Array.of(0b101), data }),
  ])
}

const UUID = Uint8Array.from(Buffer.from('74be27de1e4e49d9b579fe0b331d3642', 'hex'))
const NS = 981_173_106_123_456_700n

const CASES: readonly TypeCase[] = [
  {
    name: 'bool',
    vector: vectorFromArray([true, null, false], new Bool()),
    kusto: 'bool',
    expected: ['true', null, 'false'],
    parquet: true,
  },
  { name: 'int8', vector: ints(new Int8()), kusto: 'int', expected: ['1', null, '100'], parquet: true },
  { name: 'int16', vector: ints(new Int16()), kusto: 'int', expected: ['1', null, '100'], parquet: true },
  {
    name: 'int32',
    vector: vectorFromArray([-2147483648, null, 2147483647], new Int32()),
    kusto: 'int',
    expected: ['-2147483648', null, '2147483647'],
    parquet: true,
  },
  {
    name: 'uint8',
    vector: vectorFromArray([0, null, 255], new Uint8()),
    kusto: 'int',
    expected: ['0', null, '255'],
    parquet: true,
  },
  {
    name: 'uint16',
    vector: vectorFromArray([0, null, 65535], new Uint16()),
    kusto: 'int',
    expected: ['0', null, '65535'],
    parquet: true,
  },
  {
    name: 'uint32',
    vector: vectorFromArray([0, null, 4294967295], new Uint32()),
    kusto: 'long',
    expected: ['0', null, '4294967295'],
    parquet: true,
  },
  {
    name: 'int64',
    vector: longs(new Int64(), -9223372036854775808n, 9223372036854775807n),
    kusto: 'long',
    expected: ['-9223372036854775808', null, '9223372036854775807'],
    parquet: true,
  },
  {
    name: 'uint64',
    vector: vectorFromArray([9007199254740993n, null, 9223372036854775807n], new Uint64()),
    kusto: 'long',
    expected: ['9007199254740993', null, '9223372036854775807'],
    parquet: true,
  },
  {
    name: 'float16',
    vector: vectorFromArray([1.5, null, -0.25], new Float16()),
    kusto: 'real',
    expected: ['1.5', null, '-0.25'],
    parquet: true,
  },
  {
    name: 'float32',
    vector: vectorFromArray([0.5, null, -3.25], new Float32()),
    kusto: 'real',
    expected: ['0.5', null, '-3.25'],
    parquet: true,
  },
  {
    name: 'float64',
    vector: vectorFromArray([0.1, null, -1.7976931348623157e308], new Float64()),
    kusto: 'real',
    expected: ['0.1', null, '-1.7976931348623157e+308'],
    parquet: true,
  },
  {
    name: 'notfinite',
    vector: vectorFromArray([Number.NaN, Infinity, -Infinity], new Float64()),
    kusto: 'real',
    expected: ['NaN', 'Infinity', '-Infinity'],
    parquet: true,
  },
  {
    name: 'decimal',
    vector: decimals(4),
    kusto: 'decimal',
    expected: ['1234500000000000000', null, '-1000000000000000'],
    parquet: true,
  },
  {
    name: 'utf8',
    vector: vectorFromArray(['a,"b"\n', 'ünï 🚀', ''], new Utf8()),
    kusto: 'string',
    expected: ['a,"b"\n', 'ünï 🚀', ''],
    parquet: true,
  },
  {
    name: 'utf8null',
    vector: vectorFromArray(['x', null, 'y'], new Utf8()),
    kusto: 'string',
    expected: ['x', '', 'y'],
    parquet: true,
  },
  {
    name: 'largeutf8',
    vector: vectorFromArray(['x', 'yy', 'z'], new LargeUtf8()),
    kusto: 'string',
    expected: ['x', 'yy', 'z'],
    parquet: true,
  },
  {
    name: 'dictionary',
    vector: vectorFromArray(['u', 'v', 'u'], new Dictionary(new Utf8(), new Int32())),
    kusto: 'string',
    expected: ['u', 'v', 'u'],
    parquet: true,
  },
  {
    name: 'binary',
    vector: vectorFromArray([Uint8Array.of(1, 2, 255), Uint8Array.of(), Uint8Array.of(0)], new Binary()),
    kusto: 'string',
    expected: ['AQL/', '', 'AA=='],
    parquet: true,
  },
  {
    name: 'uuid',
    vector: vectorFromArray([UUID, null, UUID], new FixedSizeBinary(16)),
    metadata: [['ARROW:extension:name', 'arrow.uuid']],
    kusto: 'guid',
    expected: ['74be27de-1e4e-49d9-b579-fe0b331d3642', null, '74be27de-1e4e-49d9-b579-fe0b331d3642'],
    parquet: false,
  },
  {
    name: 'dateday',
    vector: vectorFromArray([new Date(0), null, new Date('2024-02-29')], new DateDay()),
    kusto: 'datetime',
    expected: ['0', null, '1709164800000000'],
    parquet: true,
  },
  {
    name: 'datems',
    vector: vectorFromArray([new Date('1969-12-31'), null, new Date('2024-02-29')], new DateMillisecond()),
    kusto: 'datetime',
    expected: ['-86400000000', null, '1709164800000000'],
    parquet: true,
  },
  {
    name: 'tss',
    vector: longs(new TimestampSecond('UTC'), -1n, 1709164800n),
    kusto: 'datetime',
    expected: ['-1000000', null, '1709164800000000'],
    parquet: true,
  },
  {
    name: 'tsms',
    vector: longs(new TimestampMillisecond(), -1n, 1709164800123n),
    kusto: 'datetime',
    expected: ['-1000', null, '1709164800123000'],
    parquet: true,
  },
  {
    name: 'tsus',
    vector: longs(new TimestampMicrosecond('Europe/Berlin'), -1n, 1709164800123456n),
    kusto: 'datetime',
    expected: ['-1', null, '1709164800123456'],
    parquet: true,
  },
  {
    name: 'tsns',
    vector: longs(new TimestampNanosecond('UTC'), NS - 700n, NS - 700n),
    kusto: 'datetime',
    expected: ['981173106123456', null, '981173106123456'],
    parquet: false,
  },
  {
    name: 'times',
    vector: vectorFromArray([1, null, 86399], new TimeSecond()),
    kusto: 'timespan',
    expected: ['1000000', null, '86399000000'],
    parquet: false,
  },
  {
    name: 'timeus',
    vector: longs(new TimeMicrosecond(), 1n, 86399999999n),
    kusto: 'timespan',
    expected: ['1', null, '86399999999'],
    parquet: false,
  },
  {
    name: 'timens',
    vector: longs(new TimeNanosecond(), 1000n, 2000n),
    kusto: 'timespan',
    expected: ['1', null, '2'],
    parquet: false,
  },
  {
    name: 'duration',
    vector: longs(new DurationMicrosecond(), -90061000001n, 90061000001n),
    kusto: 'timespan',
    expected: ['-90061000001', null, '90061000001'],
    parquet: false,
  },
  {
    name: 'list',
    vector: vectorFromArray([[1, 2], null, []], new List(new Field('item', new Int32(), true))),
    kusto: 'dynamic',
    expected: ['[1,2]', null, '[]'],
    parquet: true,
  },
  {
    name: 'fixedlist',
    vector: vectorFromArray([[1, 2], null, [3, 4]], new FixedSizeList(2, new Field('item', new Int32(), true))),
    kusto: 'dynamic',
    expected: ['[1,2]', null, '[3,4]'],
    parquet: true,
  },
  {
    name: 'struct',
    vector: vectorFromArray(
      [{ a: 1, b: 'x' }, null, { a: 2, b: 'q"' }],
      new Struct([new Field('a', new Int32(), true), new Field('b', new Utf8(), true)]),
    ),
    kusto: 'dynamic',
    expected: ['{"a":1,"b":"x"}', null, '{"a":2,"b":"q\\""}'],
    parquet: true,
  },
  {
    name: 'map',
    vector: vectorFromArray(
      [new Map([['k', 1]]), null, new Map([['l', 2]])],
      new Map_(
        new Field(
          'entries',
          new Struct([new Field('key', new Utf8(), false), new Field('value', new Int32(), true)]),
          false,
        ) as never,
      ),
    ),
    kusto: 'dynamic',
    expected: ['{"k":1}', null, '{"l":2}'],
    parquet: true,
  },
  {
    name: 'json',
    vector: vectorFromArray(['{"a":[1,2]}', null, '[true]'], new Utf8()),
    metadata: [['ARROW:extension:name', 'arrow.json']],
    kusto: 'dynamic',
    expected: ['{"a":[1,2]}', null, '[true]'],
    parquet: true,
  },
  {
    name: 'nothing',
    vector: vectorFromArray([null, null, null], new Null()),
    kusto: 'string',
    expected: ['', '', ''],
    parquet: true,
  },
]

function decimals(scale: number): Vector {
  const data = new Uint32Array(12)
  const put = (row: number, value: bigint): void => {
    for (let word = 0; word < 4; word++) data[row * 4 + word] = Number(BigInt.asUintN(32, value >> BigInt(32 * word)))
  }
  put(0, 12345n)
  put(2, -10n)
  const type = new Decimal(scale, 20, 128)
  return new (vectorFromArray([1]).constructor as new (data: unknown[]) => Vector)([
    makeData({ type, length: 3, nullCount: 1, nullBitmap: Uint8Array.of(0b101), data }),
  ])
}

function tableOf(cases: readonly TypeCase[]): Table {
  const fields = cases.map(
    ({ name, vector, metadata }) => new Field(name, vector.type as DataType, true, new Map(metadata ?? [])),
  )
  const schema = new Schema(fields)
  const children = cases.map(({ vector }) => vector.data[0]!)
  return new Table(schema, [
    new RecordBatch(schema, makeData({ type: new Struct(fields), length: 3, nullCount: 0, children })),
  ])
}

const expectedOf = (cases: readonly TypeCase[]): Readonly<Record<string, readonly Canonical[]>> =>
  Object.fromEntries(cases.map(({ name, expected }) => [name, expected]))

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await kusto.close()
  await local.close()
})

describe.each([
  { format: 'csv', table: 'TypesCsv', cases: CASES },
  { format: 'parquet', table: 'TypesParquet', cases: CASES.filter((one) => one.parquet) },
] as const)('rows written as $format', ({ format, table, cases }) => {
  beforeAll(async () => {
    const receipt = await kusto.write(table, tableOf(cases), {
      create: 'CreateIfNotExist',
      format,
      flushImmediately: true,
    })
    await receipt.completed({ timeoutMs: 60_000 })
  })

  it('make a table with the documented Kusto types', async () => {
    const schema = await kusto.read(table).schema()
    expect(Object.fromEntries(schema.fields.map((field) => [field.name, field.metadata.get('kusto:type')]))).toEqual(
      Object.fromEntries(cases.map((one) => [one.name, one.kusto])),
    )
  })

  it.each(['single', 'distributed'] as const)('come back with the same values in %s mode', async (mode) => {
    const read = await kusto.read(table, { mode }).table()
    expect(canonicalTable(read)).toEqual(expectedOf(cases))
  })

  it('come back with the same schema in both modes', async () => {
    const [single, distributed] = await Promise.all(
      (['single', 'distributed'] as const).map((mode) => kusto.read(table, { mode }).table()),
    )
    expect(String(distributed!.schema)).toBe(String(single!.schema))
    expect(distributed!.schema.fields.map((field) => [...field.metadata])).toEqual(
      single!.schema.fields.map((field) => [...field.metadata]),
    )
  })

  it('can be written back as they were read', async () => {
    const first = await kusto.read(table).table()
    const receipt = await kusto.write(`${table}Again`, first, { create: 'CreateIfNotExist', flushImmediately: true })
    await receipt.completed({ timeoutMs: 60_000 })
    const again = await kusto.read(`${table}Again`).table()
    expect(canonicalTable(again)).toEqual(canonicalTable(first))
    expect(String(again.schema)).toBe(String(first.schema))
  })
})

describe('ticks', () => {
  it('are exact in both modes when the caller asks for them, and counted when cut', async () => {
    const table = tableOf([
      {
        name: 'at',
        vector: longs(new TimestampNanosecond('UTC'), NS, NS),
        kusto: 'datetime',
        expected: [],
        parquet: false,
      },
      {
        name: 'span',
        vector: longs(new Int64(), -1n, 864_000_000_001n),
        metadata: [['kusto:type', 'timespan']],
        kusto: 'timespan',
        expected: [],
        parquet: false,
      },
    ])
    const receipt = await kusto.write('Ticks', table, { create: 'CreateIfNotExist', flushImmediately: true })
    await receipt.completed({ timeoutMs: 60_000 })
    const ticks = String(621_355_968_000_000_000n + NS / 100n)
    const exact = { at: [ticks, null, ticks], span: ['-1', null, '864000000001'] }
    for (const mode of ['single', 'distributed'] as const) {
      const read = await kusto.read('Ticks', { mode, types: { datetime: 'ticks', timespan: 'ticks' } }).table()
      expect(canonicalTable(read)).toEqual(exact)
    }
    const lost: unknown[] = []
    await kusto
      .read('Ticks', { mode: 'single', onEvent: (event) => event.kind === 'ticks-lost' && lost.push(event) })
      .table()
    expect(lost).toEqual([
      { kind: 'ticks-lost', column: 'at', values: 2 },
      { kind: 'ticks-lost', column: 'span', values: 2 },
    ])
  })
})
