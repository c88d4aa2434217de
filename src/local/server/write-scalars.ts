/**
 * Scalar values as JSON bytes. HOT: once per cell of every result. Each function writes at `at` and returns the
 * position after the value; the caller has reserved SCALAR_BYTES.
 * Preconditions, not checked: `out` has room.
 */

/** The longest of these values is a decimal of 38 digits with sign, point, leading zero and quotes. */
export const SCALAR_BYTES = 48

const QUOTE = 0x22
const ZERO = 0x30
const MINUS = 0x2d
const COLON = 0x3a
const POINT = 0x2e
const TWO_32 = 0x1_0000_0000
const TICKS_PER_SECOND = 10_000_000
// 2^32 = 429 * 10^7 + 4967296: splits 64-bit ticks into seconds and rest without leaving the exact doubles.
const SECONDS_IN_TWO_32 = 429
const TICKS_LEFT_IN_TWO_32 = 4_967_296
const SECONDS_PER_DAY = 86_400
const FAR_HIGH = 0x6000_0000

export function writeAscii(out: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) out[at + index] = text.charCodeAt(index)
  return at + text.length
}

export function writeNull(out: Uint8Array, at: number): number {
  out[at] = 0x6e
  out[at + 1] = 0x75
  out[at + 2] = 0x6c
  out[at + 3] = 0x6c
  return at + 4
}

/** An integer that a double holds exactly. */
export function writeInteger(out: Uint8Array, at: number, value: number): number {
  let rest = value
  if (rest < 0) {
    out[at++] = MINUS
    rest = -rest
  }
  const end = at + digitCount(rest)
  let position = end
  while (rest > 0x7fff_ffff) {
    const quotient = Math.floor(rest / 10)
    out[--position] = ZERO + (rest - quotient * 10)
    rest = quotient
  }
  let small = rest | 0
  do {
    const quotient = (small / 10) | 0
    out[--position] = ZERO + (small - quotient * 10)
    small = quotient
  } while (small > 0)
  return end
}

/** A 64-bit integer given as its halves. */
export function writeLong(out: Uint8Array, at: number, low: number, high: number): number {
  if (high === low >> 31) return writeInteger(out, at, low)
  if (high >= -0x20_0000 && high < 0x20_0000) return writeInteger(out, at, high * TWO_32 + (low >>> 0))
  return writeAscii(out, at, String((BigInt(high) << 32n) | BigInt(low >>> 0)))
}

/** Shortest digits that read back to the same double; always with a fraction or an exponent. */
export function writeReal(out: Uint8Array, at: number, value: number): number {
  // At most 15 digits with 4 of them behind the point: if they read back to the value, no shorter ones do.
  const scaled = Math.round(value * 10_000)
  if (scaled / 10_000 === value && scaled < 1e15 && scaled > -1e15 && scaled !== 0) {
    return writeShortReal(out, at, scaled)
  }
  if (Number.isFinite(value)) {
    const text = Object.is(value, -0) ? '-0' : String(value)
    const end = writeAscii(out, at, text)
    if (!Number.isInteger(value) || text.includes('e')) return end
    out[end] = POINT
    out[end + 1] = ZERO
    return end + 2
  }
  return writeAscii(out, at, Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"')
}

function writeShortReal(out: Uint8Array, at: number, scaled: number): number {
  let magnitude = scaled
  if (scaled < 0) {
    out[at++] = MINUS
    magnitude = -scaled
  }
  const whole = Math.floor(magnitude / 10_000)
  let fraction = magnitude - whole * 10_000
  const end = writeInteger(out, at, whole)
  out[end] = POINT
  for (let index = 4; index > 0; index--) {
    const quotient = (fraction / 10) | 0
    out[end + index] = ZERO + (fraction - quotient * 10)
    fraction = quotient
  }
  let last = end + 4
  while (last > end + 1 && out[last] === ZERO) last--
  return last + 1
}

/** A scaled integer as quoted decimal text without trailing zeros. */
export function writeDecimal(out: Uint8Array, at: number, scaled: bigint, scale: number): number {
  return writeAscii(out, at, `"${formatDecimal(scaled, scale)}"`)
}

/** Decimal text of a scaled integer, without trailing zeros. */
export function formatDecimal(scaled: bigint, scale: number): string {
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '')
  return `${scaled < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** Ticks since 0001-01-01 as quoted ISO text with 7 fraction digits. */
export function writeDatetime(out: Uint8Array, at: number, low: number, high: number): number {
  const rest = high * TICKS_LEFT_IN_TWO_32 + (low >>> 0)
  const carry = Math.floor(rest / TICKS_PER_SECOND)
  const seconds = high * SECONDS_IN_TWO_32 + carry
  const days = Math.floor(seconds / SECONDS_PER_DAY)
  out[at] = QUOTE
  let next = writeDate(out, at + 1, days)
  out[next] = 0x54
  next = writeClock(out, next + 1, seconds - days * SECONDS_PER_DAY)
  next = writeFraction(out, next, rest - carry * TICKS_PER_SECOND)
  out[next] = 0x5a
  out[next + 1] = QUOTE
  return next + 2
}

/** Ticks as quoted `[-][d.]hh:mm:ss[.fffffff]`. */
export function writeTimespan(out: Uint8Array, at: number, low: number, high: number): number {
  out[at++] = QUOTE
  let magnitudeLow = low >>> 0
  let magnitudeHigh = high
  if (high < 0) {
    out[at++] = MINUS
    magnitudeHigh = (~high >>> 0) + (low === 0 ? 1 : 0)
    magnitudeLow = -low >>> 0
  }
  // The product below is exact up to 2^53 only; the last six thousand years of the range take two steps.
  const far = magnitudeHigh > FAR_HIGH ? magnitudeHigh - FAR_HIGH : 0
  const rest = (magnitudeHigh - far) * TICKS_LEFT_IN_TWO_32 + magnitudeLow
  const carry = Math.floor(rest / TICKS_PER_SECOND)
  const farTicks = far * TICKS_LEFT_IN_TWO_32 + (rest - carry * TICKS_PER_SECOND)
  const farCarry = Math.floor(farTicks / TICKS_PER_SECOND)
  const fraction = farTicks - farCarry * TICKS_PER_SECOND
  const seconds = magnitudeHigh * SECONDS_IN_TWO_32 + carry + farCarry
  const days = Math.floor(seconds / SECONDS_PER_DAY)
  if (days > 0) {
    at = writeInteger(out, at, days)
    out[at++] = POINT
  }
  at = writeClock(out, at, seconds - days * SECONDS_PER_DAY)
  if (fraction > 0) at = writeFraction(out, at, fraction)
  out[at] = QUOTE
  return at + 1
}

/** A UUID as DuckDB stores it (little-endian, top bit flipped), quoted and lower case. */
export function writeGuid(out: Uint8Array, at: number, stored: DataView, offset: number): number {
  out[at++] = QUOTE
  for (let index = 15; index >= 0; index--) {
    const byte = index === 15 ? stored.getUint8(offset + 15) ^ 0x80 : stored.getUint8(offset + index)
    out[at++] = hexDigit(byte >> 4)
    out[at++] = hexDigit(byte & 15)
    if (index === 12 || index === 10 || index === 8 || index === 6) out[at++] = MINUS
  }
  out[at] = QUOTE
  return at + 1
}

function hexDigit(value: number): number {
  return value < 10 ? ZERO + value : 0x57 + value
}

function digitCount(value: number): number {
  let count = 1
  for (let bound = 10; value >= bound; bound *= 10) count++
  return count
}

/** Days since 0001-01-01, by the era algorithm over years that begin in March. */
function writeDate(out: Uint8Array, at: number, days: number): number {
  const shifted = days + 306
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const next = writeTwoDigits(out, writeTwoDigits(out, at, (year / 100) | 0), year % 100)
  out[next] = MINUS
  const afterMonth = writeTwoDigits(out, next + 1, month)
  out[afterMonth] = MINUS
  return writeTwoDigits(out, afterMonth + 1, day)
}

function writeClock(out: Uint8Array, at: number, secondOfDay: number): number {
  const minutes = (secondOfDay / 60) | 0
  const hours = (minutes / 60) | 0
  writeTwoDigits(out, at, hours)
  out[at + 2] = COLON
  writeTwoDigits(out, at + 3, minutes - hours * 60)
  out[at + 5] = COLON
  return writeTwoDigits(out, at + 6, secondOfDay - minutes * 60)
}

function writeFraction(out: Uint8Array, at: number, ticks: number): number {
  out[at] = POINT
  let rest = ticks
  for (let index = 7; index > 0; index--) {
    const quotient = (rest / 10) | 0
    out[at + index] = ZERO + (rest - quotient * 10)
    rest = quotient
  }
  return at + 8
}

function writeTwoDigits(out: Uint8Array, at: number, value: number): number {
  const tens = (value / 10) | 0
  out[at] = ZERO + tens
  out[at + 1] = ZERO + (value - tens * 10)
  return at + 2
}
