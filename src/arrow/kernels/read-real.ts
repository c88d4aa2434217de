import type { ColumnBuilder } from './column-builder.ts'

/** Powers of ten that a double holds exactly. */
const POW10 = Float64Array.from({ length: 23 }, (_, n) => Number(`1e${n}`))
const SPLITTER = 134_217_729
const ZEROS = 0x30303030
const SIXES = 0x06060606
const HIGH_NIBBLES = 0xf0f0f0f0 | 0

/**
 * Reads a JSON number, `"NaN"`, `"Infinity"` or `"-Infinity"` at `p` into row `row`, correctly rounded.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * Up to 15 digits and a power of ten up to 22 are one exact operation on doubles. Up to 19 digits are divided in
 * twice the precision, and the quotient is used unless it lies too near the middle of two doubles to be sure. All else
 * goes through Number().
 *
 * Returns the position after the value, or `~position` of the byte that does not fit.
 */
export function readReal(buf: Buffer, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const start = p
  let c = buf[p]!
  if (c === 0x22) return readNamedReal(buf, p, column, row)
  const negative = c === 0x2d
  if (negative) c = buf[++p]!
  let d = c - 48
  if (d < 0 || d > 9) return ~p
  let a = d
  let digits = d === 0 ? 0 : 1
  let b = 0
  let bDigits = 0
  let exponent = 0
  let isLong = false
  d = buf[++p]! - 48
  if (a === 0 && d >= 0 && d <= 9) return ~p
  while (d >= 0 && d <= 9) {
    if (digits < 15) {
      a = a * 10 + d
      digits++
    } else if (bDigits < 4) {
      b = b * 10 + d
      bDigits++
    } else isLong = true
    d = buf[++p]! - 48
  }
  c = d + 48
  if (c === 0x2e) {
    d = buf[++p]! - 48
    if (d < 0 || d > 9) return ~p
    const firstFraction = p
    if (digits > 0 && digits < 12) {
      // Four digits at a time, each a byte 0 to 9.
      let t = view.getInt32(p, true) ^ ZEROS
      while (((t | (t + SIXES)) & HIGH_NIBBLES) === 0) {
        const pairs = (Math.imul(t, 10) + (t >>> 8)) | 0
        a = a * 10_000 + ((pairs & 255) * 100 + ((pairs >>> 16) & 255))
        digits += 4
        p += 4
        if (digits > 11) break
        t = view.getInt32(p, true) ^ ZEROS
      }
      d = buf[p]! - 48
    }
    while (d >= 0 && d <= 9) {
      if (digits < 15) {
        a = a * 10 + d
        if (a !== 0) digits++
      } else if (bDigits < 4) {
        b = b * 10 + d
        bDigits++
      } else isLong = true
      d = buf[++p]! - 48
    }
    exponent = firstFraction - p
    c = d + 48
  }
  if (c === 0x65 || c === 0x45) {
    let e = 0
    c = buf[++p]!
    const negativeExponent = c === 0x2d
    if (negativeExponent || c === 0x2b) c = buf[++p]!
    d = c - 48
    if (d < 0 || d > 9) return ~p
    while (d >= 0 && d <= 9) {
      if (e < 100_000) e = e * 10 + d
      d = buf[++p]! - 48
    }
    exponent += negativeExponent ? -e : e
  }
  let value: number
  if (isLong || exponent > 22 || exponent < -22 || (bDigits > 0 && exponent > 0)) {
    // What follows decides whether the number is complete; the caller looks there before it believes this value.
    value = Number(buf.toString('latin1', start, p))
    if (value === Infinity || value === -Infinity) return ~start
    column.f64[row] = value
    return p
  }
  if (bDigits === 0) {
    if (exponent === 0) value = a
    else value = exponent < 0 ? a / POW10[-exponent]! : a * POW10[exponent]!
  } else {
    value = divideExactly(a, POW10[bDigits]!, b, POW10[-exponent]!)
    if (value !== value) value = Math.abs(Number(buf.toString('latin1', start, p)))
  }
  column.f64[row] = negative ? -value : value
  return p
}

/** `(a * scale + b) / divisor` correctly rounded, or NaN when this much precision cannot tell. */
function divideExactly(a: number, scale: number, b: number, divisor: number): number {
  const high = a * scale
  const low = productError(a, scale, high) + b
  if (divisor === 1) return high + low
  const quotient = high / divisor
  const back = quotient * divisor
  const rest = high - back - productError(quotient, divisor, back) + low
  const correction = rest / divisor
  const sum = quotient + correction
  const error = correction - (sum - quotient)
  return sum + error * 1.000_000_1 === sum ? sum : NaN
}

/** Dekker's exact error of `product = x * y`. */
function productError(x: number, y: number, product: number): number {
  const xs = x * SPLITTER
  const xHigh = xs - (xs - x)
  const xLow = x - xHigh
  const ys = y * SPLITTER
  const yHigh = ys - (ys - y)
  const yLow = y - yHigh
  return xLow * yLow - (product - xHigh * yHigh - xLow * yHigh - xHigh * yLow)
}

function readNamedReal(buf: Buffer, p: number, column: ColumnBuilder, row: number): number {
  for (const [text, value] of NAMED) {
    if (buf.toString('latin1', p, p + text.length) === text) {
      column.f64[row] = value
      return p + text.length
    }
  }
  return ~p
}

const NAMED: readonly (readonly [string, number])[] = [
  ['"NaN"', NaN],
  ['"Infinity"', Infinity],
  ['"-Infinity"', -Infinity],
]
