import {
  Binary,
  BinaryView,
  Bool,
  type Data,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  Float16,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  Interval,
  IntervalUnit,
  LargeBinary,
  LargeUtf8,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Time,
  Timestamp,
  TimeUnit,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
  Utf8View,
  Vector,
} from 'apache-arrow'
import * as fc from 'fast-check'

/**
 * A kind of column for property tests: how to draw values, how to lay them out as Arrow buffers, and the text Kusto must
 * be given for each. The expected text is made from bigints and strings, never with the code under test.
 */
export interface ColumnCase {
  readonly name: string
  readonly type: DataType
  readonly value: fc.Arbitrary<unknown>
  readonly build: (values: readonly unknown[]) => Data
  readonly text: (value: never) => string
  readonly metadata?: ReadonlyMap<string, string>
}

type Typed =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

export function bitmapOf(values: readonly unknown[]): { nullCount: number; nullBitmap: Uint8Array } {
  const nullBitmap = new Uint8Array((values.length + 7) >> 3)
  let nullCount = 0
  for (const [index, value] of values.entries()) {
    if (value === null) nullCount++
    else nullBitmap[index >> 3]! |= 1 << (index & 7)
  }
  return { nullCount, nullBitmap }
}

export function flat(type: DataType, make: (length: number) => Typed, per = 1) {
  return (values: readonly unknown[]): Data => {
    const data = make(values.length * per)
    for (const [index, value] of values.entries()) {
      if (value === null) continue
      const parts = Array.isArray(value) ? value : [value]
      for (const [part, item] of parts.entries()) data[index * per + part] = item as never
    }
    return makeData({ type, length: values.length, ...bitmapOf(values), data } as never)
  }
}

function bools(values: readonly unknown[]): Data {
  const data = new Uint8Array((values.length + 7) >> 3)
  for (const [index, value] of values.entries()) if (value === true) data[index >> 3]! |= 1 << (index & 7)
  return makeData({ type: new Bool(), length: values.length, ...bitmapOf(values), data })
}

const encode = (value: unknown): Uint8Array =>
  typeof value === 'string' ? new TextEncoder().encode(value) : ((value as Uint8Array | null) ?? new Uint8Array())

export function spans(type: DataType, large = false) {
  return (values: readonly unknown[]): Data => {
    const parts = values.map(encode)
    const offsets = large ? new BigInt64Array(values.length + 1) : new Int32Array(values.length + 1)
    let end = 0
    for (const [index, part] of parts.entries()) {
      end += part.length
      offsets[index + 1] = (large ? BigInt(end) : end) as never
    }
    const data = new Uint8Array(end)
    let at = 0
    for (const part of parts) {
      data.set(part, at)
      at += part.length
    }
    return makeData({ type, length: values.length, ...bitmapOf(values), valueOffsets: offsets, data } as never)
  }
}

export function views(type: DataType) {
  return (values: readonly unknown[]): Data => {
    const out = new Uint8Array(values.length * 16)
    const view = new DataView(out.buffer)
    const buffers: Uint8Array[] = []
    for (const [index, value] of values.entries()) {
      const bytes = encode(value)
      view.setInt32(index * 16, bytes.length, true)
      if (bytes.length <= 12) out.set(bytes, index * 16 + 4)
      else {
        out.set(bytes.subarray(0, 4), index * 16 + 4)
        view.setInt32(index * 16 + 8, buffers.length, true)
        view.setInt32(index * 16 + 12, 3, true)
        const padded = new Uint8Array(bytes.length + 5)
        padded.set(bytes, 3)
        buffers.push(padded)
      }
    }
    return makeData({ type, length: values.length, ...bitmapOf(values), views: out, variadicBuffers: buffers } as never)
  }
}

function fixedBinary(values: readonly unknown[]): Data {
  const data = new Uint8Array(values.length * 16)
  for (const [index, value] of values.entries()) if (value !== null) data.set(value as Uint8Array, index * 16)
  return makeData({ type: new FixedSizeBinary(16), length: values.length, ...bitmapOf(values), data })
}

function dictionaryOf(values: readonly unknown[]): Data {
  const distinct: readonly unknown[] = [...new Set(values)].filter((value) => value !== null)
  const dictionary = new Vector([spans(new Utf8())(distinct)])
  const type = new Dictionary(new Utf8(), new Int16(), 1)
  const data = Int16Array.from(values, (value) => Math.max(0, distinct.indexOf(value)))
  return makeData({ type, length: values.length, ...bitmapOf(values), data, dictionary } as never)
}

export function words(value: bigint, count: number): number[] {
  const bits = BigInt.asUintN(count * 32, value)
  return Array.from({ length: count }, (_, index) => Number((bits >> BigInt(index * 32)) & 0xffff_ffffn))
}

/** `yyyy-mm-ddThh:mm:ss.fffffffZ` of ticks since 1970, by the language's own calendar for the seconds. */
export function iso(ticks: bigint): string {
  const fraction = ((ticks % 10_000_000n) + 10_000_000n) % 10_000_000n
  const date = new Date(Number((ticks - fraction) / 10_000n))
  return `${date.toISOString().slice(0, 19)}.${fraction.toString().padStart(7, '0')}Z`
}

const part = (value: bigint): string => value.toString().padStart(2, '0')

export function timespan(ticks: bigint): string {
  const size = ticks < 0n ? -ticks : ticks
  const seconds = size / 10_000_000n
  const clock = `${part((seconds / 3600n) % 24n)}:${part((seconds / 60n) % 60n)}:${part(seconds % 60n)}`
  const days = seconds / 86_400n
  const fraction = size % 10_000_000n
  const tail = fraction > 0n ? `.${fraction.toString().padStart(7, '0')}` : ''
  return `${ticks < 0n ? '-' : ''}${days > 0n ? `${days}.` : ''}${clock}${tail}`
}

function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
  return `${value < 0n ? '-' : ''}${scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`}`
}

function realText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

const FIRST = -62_135_596_800n
const LAST = 253_402_300_799n
const times = (perSecond: bigint): fc.Arbitrary<bigint> => {
  const limit = (bound: bigint): bigint => {
    const units = bound * perSecond
    return units > 2n ** 63n - 1n ? 2n ** 63n - 1n : units < -(2n ** 63n) ? -(2n ** 63n) : units
  }
  return fc.bigInt(limit(FIRST), limit(LAST + 1n) - 1n)
}
const floorDiv = (value: bigint, by: bigint): bigint => (value - (((value % by) + by) % by)) / by
const DIGITS_34 = 10n ** 34n - 1n
const integers = (bits: number, signed: boolean): fc.Arbitrary<number> =>
  fc.integer({ min: signed ? -(2 ** (bits - 1)) : 0, max: 2 ** (signed ? bits - 1 : bits) - 1 })
const text = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 24 }),
    fc.string({
      unit: fc.constantFrom('"', ',', '\n', '\r', ' ', 'a', '\\', '\t', 'é', '€', '😀', '\uFEFF'),
      maxLength: 24,
    }),
    fc.constantFrom('', ' ', 'null', 'a,b', 'say "hi"', 'line\r\nbreak', '\uFEFFbom'),
  )
  .filter((value) => !value.includes('\0'))
const bytes = fc.uint8Array({ maxLength: 40 })
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 })
const uuidText = (value: Uint8Array): string =>
  Buffer.from(value)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64')
const plain = (value: unknown): string => String(value)
const reals = fc.oneof(
  fc.double(),
  fc
    .double({ noDefaultInfinity: true, noNaN: true, min: -1e7, max: 1e7 })
    .map((value) => Math.round(value * 1000) / 1000),
  fc.integer(),
  fc.constantFrom(
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    5e-324,
    1.7976931348623157e308,
    0.1,
    1e21,
    1e-7,
    123_456_789.123_456,
  ),
)
const half = fc.integer({ min: 0, max: 0xffff })
const long = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)
const timestamp = (unit: TimeUnit, zone: string | null, perSecond: bigint): ColumnCase => {
  const type = new Timestamp(unit, zone)
  return {
    name: `Timestamp ${perSecond}/s ${zone}`,
    type,
    value: times(perSecond),
    build: flat(type, (n) => new BigInt64Array(n)),
    text: (value: bigint) => iso(perSecond > 10_000_000n ? floorDiv(value, 100n) : value * (10_000_000n / perSecond)),
  }
}
const duration = (unit: TimeUnit, perSecond: bigint): ColumnCase => {
  const type = new Duration(unit)
  const limit = perSecond > 10_000_000n ? 2n ** 63n - 1n : (2n ** 63n - 1n) / (10_000_000n / perSecond)
  return {
    name: `Duration ${perSecond}/s`,
    type,
    value: fc.oneof(fc.bigInt(-limit, limit), fc.bigInt(-100_000n * perSecond, 100_000n * perSecond)),
    build: flat(type, (n) => new BigInt64Array(n)),
    text: (value: bigint) => timespan(perSecond > 10_000_000n ? value / 100n : value * (10_000_000n / perSecond)),
  }
}
const decimal = (scale: number, bits: 128 | 256): ColumnCase => {
  const type = new Decimal(scale, bits === 128 ? 38 : 76, bits)
  const small = fc.bigInt(-(10n ** 12n), 10n ** 12n)
  return {
    name: `Decimal${bits} scale ${scale}`,
    type,
    value: fc.oneof(fc.bigInt(-DIGITS_34, DIGITS_34), small).map((value) => words(value, bits / 32)),
    build: flat(type, (n) => new Uint32Array(n), bits / 32),
    text: (value: number[]) =>
      decimalText(
        BigInt.asIntN(
          bits,
          value.reduce((sum, word, index) => sum + (BigInt(word) << BigInt(index * 32)), 0n),
        ),
        scale,
      ),
  }
}
const fixed = (
  type: DataType,
  make: (length: number) => Typed,
  value: fc.Arbitrary<unknown>,
  show: (value: never) => string = plain,
): ColumnCase => ({ name: type.constructor.name, type, value, build: flat(type, make), text: show })

/** Every flat Arrow type this package can write, with values over its whole range. */
export const COLUMN_CASES: readonly ColumnCase[] = [
  { name: 'Bool', type: new Bool(), value: fc.boolean(), build: bools, text: plain },
  fixed(new Int8(), (n) => new Int8Array(n), integers(8, true)),
  fixed(new Int16(), (n) => new Int16Array(n), integers(16, true)),
  fixed(new Int32(), (n) => new Int32Array(n), integers(32, true)),
  fixed(new Uint8(), (n) => new Uint8Array(n), integers(8, false)),
  fixed(new Uint16(), (n) => new Uint16Array(n), integers(16, false)),
  fixed(new Uint32(), (n) => new Uint32Array(n), integers(32, false)),
  fixed(new Int64(), (n) => new BigInt64Array(n), fc.oneof(long, fc.bigInt(-1000n, 1000n))),
  fixed(new Uint64(), (n) => new BigUint64Array(n), fc.bigInt(0n, 2n ** 63n - 1n)),
  fixed(new Float64(), (n) => new Float64Array(n), reals, realText),
  fixed(new Float32(), (n) => new Float32Array(n), fc.float(), realText),
  fixed(
    new Float16(),
    (n) => new Uint16Array(n),
    half,
    (bits: number) => {
      const size = bits & 0x7fff
      // 2^112 rebias: a half's bits placed in a double, scaled by the difference of the exponent biases.
      const value = new Float64Array(new BigUint64Array([BigInt(size) << 42n]).buffer)[0]! * 2 ** 1008
      const exact = size > 0x7c00 ? NaN : size === 0x7c00 ? Infinity : value
      return realText(bits & 0x8000 ? -exact : exact)
    },
  ),
  decimal(0, 128),
  decimal(18, 128),
  decimal(34, 128),
  decimal(20, 256),
  { name: 'Utf8', type: new Utf8(), value: text, build: spans(new Utf8()), text: plain },
  { name: 'LargeUtf8', type: new LargeUtf8(), value: text, build: spans(new LargeUtf8(), true), text: plain },
  { name: 'Utf8View', type: new Utf8View(), value: text, build: views(new Utf8View()), text: plain },
  {
    name: 'Dictionary',
    type: new Dictionary(new Utf8(), new Int16(), 1),
    value: text,
    build: dictionaryOf,
    text: plain,
  },
  { name: 'Binary', type: new Binary(), value: bytes, build: spans(new Binary()), text: base64 },
  { name: 'LargeBinary', type: new LargeBinary(), value: bytes, build: spans(new LargeBinary(), true), text: base64 },
  { name: 'BinaryView', type: new BinaryView(), value: bytes, build: views(new BinaryView()), text: base64 },
  {
    name: 'uuid',
    type: new FixedSizeBinary(16),
    value: uuid,
    build: fixedBinary,
    text: uuidText,
    metadata: new Map([['ARROW:extension:name', 'arrow.uuid']]),
  },
  { name: 'FixedSizeBinary', type: new FixedSizeBinary(16), value: uuid, build: fixedBinary, text: base64 },
  fixed(
    new DateDay(),
    (n) => new Int32Array(n),
    fc.integer({ min: -719_162, max: 2_932_896 }),
    (days: number) => iso(BigInt(days) * 864_000_000_000n),
  ),
  fixed(
    new DateMillisecond(),
    (n) => new BigInt64Array(n),
    times(1000n),
    (value: bigint) => iso(value * 10_000n),
  ),
  timestamp(TimeUnit.SECOND, 'Asia/Tokyo', 1n),
  timestamp(TimeUnit.MILLISECOND, null, 1000n),
  timestamp(TimeUnit.MICROSECOND, 'UTC', 1_000_000n),
  timestamp(TimeUnit.NANOSECOND, '+02:00', 1_000_000_000n),
  duration(TimeUnit.SECOND, 1n),
  duration(TimeUnit.MILLISECOND, 1000n),
  duration(TimeUnit.MICROSECOND, 1_000_000n),
  duration(TimeUnit.NANOSECOND, 1_000_000_000n),
  fixed(
    new Time(TimeUnit.MILLISECOND, 32),
    (n) => new Int32Array(n),
    fc.integer({ min: 0, max: 86_399_999 }),
    (value: number) => timespan(BigInt(value) * 10_000n),
  ),
  fixed(
    new Time(TimeUnit.NANOSECOND, 64),
    (n) => new BigInt64Array(n),
    fc.bigInt(0n, 86_399_999_999_999n),
    (value: bigint) => timespan(value / 100n),
  ),
  {
    name: 'Interval day-time',
    type: new Interval(IntervalUnit.DAY_TIME),
    value: fc.tuple(fc.integer({ min: -999, max: 999 }), integers(32, true)),
    build: flat(new Interval(IntervalUnit.DAY_TIME), (n) => new Int32Array(n), 2),
    text: ([days, ms]: [number, number]) => timespan(BigInt(days) * 864_000_000_000n + BigInt(ms) * 10_000n),
  },
  {
    name: 'Interval month-day-nano',
    type: new Interval(IntervalUnit.MONTH_DAY_NANO),
    value: fc
      .tuple(fc.integer({ min: -999, max: 999 }), long)
      .map(([days, ns]) => [0, days, ...words(ns, 2).map((word) => word | 0)]),
    build: flat(new Interval(IntervalUnit.MONTH_DAY_NANO), (n) => new Int32Array(n), 4),
    text: ([, days, low, high]: [number, number, number, number]) => {
      const ns = (BigInt(high) << 32n) | BigInt(low >>> 0)
      return timespan((BigInt(days) * 86_400_000_000_000n + ns) / 100n)
    },
  },
]

/** A batch of drawn columns, and the logical text expected in each cell: null for a null. */
export interface DrawnBatch {
  readonly batch: RecordBatch
  readonly texts: readonly (readonly (string | null)[])[]
}

/** Batches of one to `maxColumns` columns of the given cases with nulls, sliced at both ends. */
export function drawnBatches(cases: readonly ColumnCase[], maxColumns = 6): fc.Arbitrary<DrawnBatch> {
  const shape = fc.record({
    picks: fc.array(fc.constantFrom(...cases), { minLength: 1, maxLength: maxColumns }),
    rows: fc.integer({ min: 0, max: 20 }),
    skip: fc.integer({ min: 0, max: 9 }),
    drop: fc.integer({ min: 0, max: 3 }),
  })
  return shape.chain(({ picks, rows, skip, drop }) =>
    fc
      .tuple(
        ...picks.map(({ value }) =>
          fc.array(fc.option(value), { minLength: rows + skip + drop, maxLength: rows + skip + drop }),
        ),
      )
      .map((columns) => {
        const fields = picks.map(
          ({ name, type, metadata }, index) => new Field(`${index} ${name}`, type, true, new Map(metadata)),
        )
        const whole = batchOf(
          fields,
          columns.map((values, index) => picks[index]!.build(values)),
          rows + skip + drop,
        )
        const texts = Array.from({ length: rows }, (_, row) =>
          picks.map(({ text }, index) => {
            const value = columns[index]![row + skip]
            return value === null ? null : text(value as never)
          }),
        )
        // fast-check cannot print Arrow types: their tags make it take them for dates.
        const shown = (): string => JSON.stringify({ columns: fields.map(({ name }) => name), texts, skip, drop })
        const batch = skip + drop === 0 ? whole : whole.slice(skip, skip + rows)
        return { batch, texts, [fc.toStringMethod]: shown }
      }),
  )
}

export function batchOf(fields: readonly Field[], children: readonly Data[], length: number): RecordBatch {
  const schema = new Schema([...fields])
  return new RecordBatch(schema, makeData({ type: new Struct([...fields]), length, children: [...children] }))
}

/** A batch of one column, for examples. */
export function oneColumn(data: Data, metadata: Record<string, string> = {}): RecordBatch {
  return batchOf([new Field('c', data.type, true, new Map(Object.entries(metadata)))], [data], data.length)
}
