import { type Data, DataType, type Field, type RecordBatch, TimeUnit, Vector } from 'apache-arrow'
import { toJson } from './cli-screen.ts'

/** How the text of a column's cells stands in JSON. */
export type CellKind = 'number' | 'bool' | 'text' | 'json'

/** The cells of one column of a batch as text; null is null. */
export interface ColumnText {
  readonly name: string
  /** The Kusto type, or the Arrow type where there is none. */
  readonly type: string
  readonly kind: CellKind
  readonly at: (row: number) => string | null
}

const TYPE_KEY = 'kusto:type'
const TICKS_PER_SECOND = 10_000_000n
const TICKS_PER_MILLISECOND = 10_000n
const EPOCH_TICKS = 621_355_968_000_000_000n

/** All columns of a batch. */
export function columnTexts(batch: RecordBatch): readonly ColumnText[] {
  return batch.schema.fields.map((field, index) => {
    const data = batch.data.children[index]
    return { ...describeColumn(field), at: data === undefined ? () => null : reader(field, data) }
  })
}

/** Name and type of a column, without cells. */
export function describeColumn(field: Field): Omit<ColumnText, 'at'> {
  return { name: field.name, type: typeName(field), kind: kindOf(field) }
}

function typeName(field: Field): string {
  return field.metadata.get(TYPE_KEY) ?? String(field.type)
}

function kindOf(field: Field): CellKind {
  const declared = field.metadata.get(TYPE_KEY)
  if (declared === 'dynamic' || field.metadata.get('ARROW:extension:name') === 'arrow.json') return 'json'
  if (declared === 'datetime' || declared === 'timespan') return 'text'
  if (DataType.isBool(field.type)) return 'bool'
  return DataType.isInt(field.type) || DataType.isFloat(field.type) ? 'number' : 'text'
}

function reader(field: Field, data: Data): (row: number) => string | null {
  const vector = new Vector([data])
  const isNull = (row: number): boolean => data.nullCount !== 0 && !data.getValid(row)
  const declared = field.metadata.get(TYPE_KEY)
  const { type } = field
  if (DataType.isTimestamp(type) || DataType.isDuration(type) || DataType.isInt(type)) {
    const ticks = ticksOf(field)
    if (ticks !== undefined) {
      const values = data.values as BigInt64Array
      const format = declared === 'timespan' || DataType.isDuration(type) ? formatTimespan : formatDatetime
      return (row) => (isNull(row) ? null : format(ticks(values[row] ?? 0n)))
    }
  }
  if (DataType.isDecimal(type)) {
    const { scale } = type
    return (row) => (isNull(row) ? null : formatDecimal(vector.get(row) as Uint32Array, scale))
  }
  return (row) => {
    const value: unknown = vector.get(row)
    if (value === null || value === undefined) return null
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
    return isScalar(value) ? String(value) : toJson(value)
  }
}

/** Turns a raw 64-bit value into ticks, for columns that are times. */
function ticksOf(field: Field): ((raw: bigint) => bigint) | undefined {
  const { type } = field
  const declared = field.metadata.get(TYPE_KEY)
  if (DataType.isTimestamp(type)) {
    const scale = inTicks(type.unit)
    return (raw) => EPOCH_TICKS + scale(raw)
  }
  if (DataType.isDuration(type)) return inTicks(type.unit)
  return declared === 'datetime' || declared === 'timespan' ? (raw) => raw : undefined
}

function inTicks(unit: TimeUnit): (raw: bigint) => bigint {
  switch (unit) {
    case TimeUnit.SECOND:
      return (raw) => raw * TICKS_PER_SECOND
    case TimeUnit.MILLISECOND:
      return (raw) => raw * TICKS_PER_MILLISECOND
    case TimeUnit.MICROSECOND:
      return (raw) => raw * 10n
    case TimeUnit.NANOSECOND:
      return (raw) => raw / 100n
  }
}

/** `2031-02-03T04:05:06.0000007Z`: always 7 digits of a second, as the service writes it. */
export function formatDatetime(ticks: bigint): string {
  const ofMillisecond = ((ticks % TICKS_PER_MILLISECOND) + TICKS_PER_MILLISECOND) % TICKS_PER_MILLISECOND
  const ms = Number((ticks - EPOCH_TICKS - ofMillisecond) / TICKS_PER_MILLISECOND)
  return `${new Date(ms).toISOString().slice(0, -1)}${String(ofMillisecond).padStart(4, '0')}Z`
}

/** `[-][d.]hh:mm:ss[.fffffff]`, as the service writes it. */
export function formatTimespan(ticks: bigint): string {
  const size = ticks < 0n ? -ticks : ticks
  const seconds = size / TICKS_PER_SECOND
  const fraction = size % TICKS_PER_SECOND
  const days = seconds / 86_400n
  const clock = `${two((seconds / 3600n) % 24n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`
  const tail = fraction === 0n ? '' : `.${String(fraction).padStart(7, '0')}`
  return `${ticks < 0n ? '-' : ''}${days === 0n ? '' : `${days}.`}${clock}${tail}`
}

function isScalar(value: unknown): value is string | number | bigint | boolean {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
}

function two(value: bigint): string {
  return String(value).padStart(2, '0')
}

/** Little-endian words in two's complement. */
function formatDecimal(words: Uint32Array, scale: number): string {
  let value = 0n
  for (const word of words.toReversed()) value = (value << 32n) | BigInt(word)
  const signed = BigInt.asIntN(words.length * 32, value)
  const digits = String(signed < 0n ? -signed : signed).padStart(scale + 1, '0')
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '')
  const whole = digits.slice(0, digits.length - scale)
  return `${signed < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
