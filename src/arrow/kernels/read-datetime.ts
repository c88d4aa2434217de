import type { ColumnBuilder } from './column-builder.ts'

const TWO_32 = 4_294_967_296
const DAYS_IN_MONTH = new Uint8Array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

/**
 * Reads a datetime at `p` into row `row`, as two 32-bit halves of the column's unit.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * Layout: `"yyyy-MM-ddTHH:mm:ss[.f{1,7}][Z]"`, always UTC.
 *
 * Where a day starts is remembered, because neighbours mostly share it. A digit below the unit is dropped (towards the
 * past) and counted in `lostTicks`.
 *
 * Returns the position after the value, or `~p` when the value does not fit.
 */
export function readDatetime(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  const y1 = buf[p + 1]! - 48
  const y2 = buf[p + 2]! - 48
  const y3 = buf[p + 3]! - 48
  const y4 = buf[p + 4]! - 48
  const m1 = buf[p + 6]! - 48
  const m2 = buf[p + 7]! - 48
  const d1 = buf[p + 9]! - 48
  const d2 = buf[p + 10]! - 48
  const h1 = buf[p + 12]! - 48
  const h2 = buf[p + 13]! - 48
  const n1 = buf[p + 15]! - 48
  const n2 = buf[p + 16]! - 48
  const s1 = buf[p + 18]! - 48
  const s2 = buf[p + 19]! - 48
  // Negative, or above 9: either sets the sign bit of the sum of bits.
  const odd =
    y1 |
    y2 |
    y3 |
    y4 |
    m1 |
    m2 |
    d1 |
    d2 |
    h1 |
    h2 |
    n1 |
    n2 |
    s1 |
    s2 |
    (9 - y1) |
    (9 - y2) |
    (9 - y3) |
    (9 - y4) |
    (9 - m1) |
    (9 - m2) |
    (9 - d1) |
    (9 - d2) |
    (9 - h1) |
    (9 - h2) |
    (9 - n1) |
    (9 - n2) |
    (9 - s1) |
    (9 - s2)
  if (odd < 0 || buf[p] !== 0x22 || buf[p + 5] !== 0x2d || buf[p + 8] !== 0x2d) return ~p
  if (buf[p + 11] !== 0x54 || buf[p + 14] !== 0x3a || buf[p + 17] !== 0x3a) return ~p
  const hour = h1 * 10 + h2
  const minute = n1 * 10 + n2
  const second = s1 * 10 + s2
  if (hour > 23 || minute > 59 || second > 59) return ~p
  let at = p + 20
  let ticks = 0
  if (buf[at] === 0x2e) {
    let d = buf[++at]! - 48
    if (d < 0 || d > 9) return ~p
    const firstDigit = at
    while (d >= 0 && d <= 9) {
      ticks = (ticks * 10 + d) | 0
      d = buf[++at]! - 48
      if (at - firstDigit > 7) return ~p
    }
    for (let digits = at - firstDigit; digits < 7; digits++) ticks = (ticks * 10) | 0
  }
  if (buf[at] === 0x5a) at++
  if (buf[at] !== 0x22) return ~p

  const year = y1 * 1000 + y2 * 100 + y3 * 10 + y4
  const month = m1 * 10 + m2
  const day = d1 * 10 + d2
  const key = (year << 9) | (month << 5) | day
  if (key !== column.dayKey && !enterDay(column, key, year, month, day)) return ~p

  const { perSecond } = column
  let units = ((hour * 60 + minute) * 60 + second) * perSecond
  if (perSecond === 1e7) units += ticks
  else if (perSecond === 1e9) units += ticks * 100
  else {
    const micros = (ticks / 10) | 0
    if (micros * 10 !== ticks) {
      column.lostTicks++
      column.lostRow = row
    }
    units += micros
  }
  const low = column.dayLo + units
  const carry = Math.floor(low / TWO_32)
  const high = column.dayHi + carry
  if (high > 2_147_483_647 || high < -2_147_483_648) return ~p
  column.i32[2 * row] = low - carry * TWO_32
  column.i32[2 * row + 1] = high
  return at + 1
}

/** Remembers where a day starts; false when there is no such day. */
function enterDay(column: ColumnBuilder, key: number, year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > DAYS_IN_MONTH[month]!) return false
  if (month === 2 && day === 29 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0))) return false
  // Days since 1970-01-01 in the proleptic Gregorian calendar, with years that start in March.
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  const days = era * 146_097 + dayOfEra - 719_468 + column.epochDays
  // days * dayUnitLo stays below 2^53 for the 3.7 million days there are; see column-builder.ts.
  const low = days * column.dayUnitLo
  const carry = Math.floor(low / TWO_32)
  column.dayKey = key
  column.dayLo = low - carry * TWO_32
  column.dayHi = days * column.dayUnitHi + carry
  return true
}
