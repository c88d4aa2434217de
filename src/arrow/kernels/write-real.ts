/*
 * HOT: once per real. The shortest text that reads back as the same double. Integers and numbers of few decimals, which
 * most measured data is, are written without a string. Up to 26 bytes must be reserved. Bench: bench/csv.bench.ts.
 */
import { type ByteSink, writeAscii } from './write-bytes.ts'
import { writePadded, writeUnsigned } from './write-integer.ts'

/**
 * Writes a double: `NaN`, `Infinity` and `-Infinity` in the spelling of .NET's invariant culture, which is what the
 * service parses reals with, and `-0` with its sign.
 */
export function writeReal(out: ByteSink, value: number): void {
  if (value < 0 || Object.is(value, -0)) {
    out.bytes[out.pos++] = 45
    writePositive(out, -value)
  } else writePositive(out, value)
}

/** The double that IEEE half-precision bits stand for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/*
 * `whole / 10^n === value` with whole < 2^53 and n <= 22 means that the decimal text whole * 10^-n reads as value,
 * because IEEE division rounds correctly; with at most 15 digits that text is also the shortest.
 */
function writePositive(out: ByteSink, value: number): void {
  if (value <= 9_007_199_254_740_991 && value === Math.floor(value)) {
    writeUnsigned(out, value)
    return
  }
  if (value < 1e9 && value >= 1e-6) {
    const whole = Math.round(value * 1e6)
    if (whole / 1e6 === value) {
      writeFixed(out, whole, 1e6)
      return
    }
    if (value < 1e6) {
      const finer = Math.round(value * 1e9)
      if (finer / 1e9 === value) {
        writeFixed(out, finer, 1e9)
        return
      }
    }
  }
  writeAscii(out, `${value}`)
}

function writeFixed(out: ByteSink, whole: number, scale: number): void {
  const integer = Math.floor(whole / scale)
  let fraction = whole - integer * scale
  let length = scale === 1e6 ? 6 : 9
  while (fraction % 10 === 0) {
    fraction /= 10
    length--
  }
  writeUnsigned(out, integer)
  out.bytes[out.pos++] = 46
  writePadded(out, fraction, length)
}
