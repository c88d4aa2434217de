import type { Data } from 'apache-arrow'
import { DataType } from 'apache-arrow'
import type { ScalarName } from '../arrow/scalar-types.ts'
import type { KustoScalar } from '../kql/kql.ts'

/** Digits and how many of them follow the point. */
export interface DecimalValue {
  readonly unscaled: bigint
  readonly scale: number
}

/**
 * A cell as it is compared: bool boolean; int and real number; long, datetime and timespan bigint (ticks); decimal its
 * digits; string, guid and dynamic text.
 */
export type ComparedValue = boolean | number | bigint | string | DecimalValue | null

/** A byte order mark is a character of the text. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** Reads cells of a column that was decoded with ticks for times and text for guids. */
export function columnReader(column: Data, type: ScalarName): (row: number) => ComparedValue {
  const read = valueReader(column, type)
  return column.nullCount === 0 ? read : (row) => (column.getValid(row) ? read(row) : null)
}

/** Reads texts without nulls, all characters of them. */
export function textReader(column: Data): (row: number) => string {
  const offsets = column.valueOffsets as Int32Array
  const bytes = column.values as Uint8Array
  return (row) => utf8.decode(bytes.subarray(offsets[row], offsets[row + 1]))
}

/** What a literal is compared as. */
export function literalValue({ type, value }: KustoScalar): ComparedValue {
  if (type === 'long' && typeof value === 'number') return BigInt(value)
  if (type === 'guid' && typeof value === 'string') return value.toLowerCase()
  return type === 'decimal' && typeof value === 'string' ? parseDecimal(value) : value
}

function valueReader(column: Data, type: ScalarName): (row: number) => ComparedValue {
  if (type === 'bool') {
    const bits = column.values as Uint8Array
    return (row) => (((bits[(column.offset + row) >> 3] ?? 0) >> ((column.offset + row) & 7)) & 1) === 1
  }
  if (DataType.isDecimal(column.type)) {
    const words = column.values as Uint32Array
    const { scale } = column.type
    return (row) => ({ unscaled: int128At(words, row * 4), scale })
  }
  if (DataType.isUtf8(column.type)) {
    const text = textReader(column)
    return type === 'decimal' ? (row) => parseDecimal(text(row)) : text
  }
  const values = column.values as Int32Array | Float64Array | BigInt64Array
  return (row) => values[row] ?? null
}

/** Little-endian words, two's complement. */
function int128At(words: Uint32Array, at: number): bigint {
  let value = 0n
  for (let word = 3; word >= 0; word--) value = (value << 32n) | BigInt(words[at + word] ?? 0)
  return BigInt.asIntN(128, value)
}

/** `-12.5e3` as digits and scale, without trailing zeros after the point. */
export function parseDecimal(text: string): DecimalValue {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  let unscaled = BigInt(`${whole.replace('+', '')}${fraction}`.replace(/^(-?)$/, '$10'))
  let scale = fraction.length - Number(exponent)
  if (scale < 0) {
    unscaled *= 10n ** BigInt(-scale)
    scale = 0
  }
  return { unscaled, scale }
}

/** Negative, zero or positive, as subtraction would be. */
export function compareDecimals(a: DecimalValue, b: DecimalValue): number {
  const scale = Math.max(a.scale, b.scale)
  const x = a.unscaled * 10n ** BigInt(scale - a.scale)
  const y = b.unscaled * 10n ** BigInt(scale - b.scale)
  return x < y ? -1 : x > y ? 1 : 0
}

export function decimalToNumber({ unscaled, scale }: DecimalValue): number {
  return Number(`${unscaled}e${-scale}`)
}

/** By code point, which is how the service orders strings: UTF-16 units differ where a surrogate meets U+E000 and above. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at)
    const y = b.charCodeAt(at)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above all that are one unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
