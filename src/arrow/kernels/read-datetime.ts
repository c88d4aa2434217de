import type { ColumnBuilder } from './column-builder.ts'

const TWO_32 = 4_294_967_296
const DAYS_IN_MONTH = new Uint8Array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

/**
 * Reads a datetime at `p` into row `row`, as two 32-bit halves of the column's unit.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * Layout: `"yyyy-MM-ddTHH:mm:ss[.f{1,7}][Z]"`, always UTC.
 *
 * The twelve bytes up to `T` are compared with those of the day last seen, because neighbours mostly share it; only a
 * new day is parsed. The rest is checked and parsed four bytes at a time: after the exclusive or each digit is a byte 0
 * to 9 and each separator a byte 0. A digit below the unit is dropped (towards the past) and counted in `lostTicks`.
 *
 * Returns the position after the value, or `~p` when the value does not fit.
 * Precondition, not checked: 32 zero bytes follow the last byte of `buf`.
 */
export function readDatetime(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const w0 = view.getInt32(p, true)
  const w1 = view.getInt32(p + 4, true)
  const w2 = view.getInt32(p + 8, true)
  if (((w0 ^ column.dayWord0) | (w1 ^ column.dayWord1) | (w2 ^ column.dayWord2)) !== 0) {
    if (!enterDay(buf, p, column)) return ~p
    column.dayWord0 = w0
    column.dayWord1 = w1
    column.dayWord2 = w2
  }
  // HH:m and m:ss
  const t0 = view.getInt32(p + 12, true) ^ 0x303a3030
  const t1 = view.getInt32(p + 16, true) ^ 0x30303a30
  const odd = ((t0 | (t0 + 0x06000606)) & 0xf0fff0f0) | ((t1 | (t1 + 0x06060006)) & 0xf0f0fff0)
  const hour = (t0 & 15) * 10 + ((t0 >> 8) & 15)
  const minute = ((t0 >> 24) & 15) * 10 + (t1 & 15)
  const second = ((t1 >> 16) & 15) * 10 + ((t1 >> 24) & 15)
  if (odd !== 0 || hour > 23 || minute > 59 || second > 59) return ~p
  let at = p + 20
  let ticks = 0
  let c = buf[at]!
  if (c === 0x2e) {
    // .fff and ffff
    const f0 = view.getInt32(p + 20, true) ^ 0x3030302e
    const f1 = view.getInt32(p + 24, true) ^ 0x30303030
    if ((((f0 | (f0 + 0x06060600)) & 0xf0f0f0ff) | ((f1 | (f1 + 0x06060606)) & 0xf0f0f0f0)) === 0) {
      const pairs0 = (Math.imul(f0, 10) + (f0 >>> 8)) | 0
      const pairs1 = (Math.imul(f1, 10) + (f1 >>> 8)) | 0
      ticks = ((pairs0 & 255) * 100 + ((pairs0 >>> 16) & 255)) * 10_000 + (pairs1 & 255) * 100 + ((pairs1 >>> 16) & 255)
      at = p + 28
    } else {
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
    c = buf[at]!
  }
  if (c === 0x5a) c = buf[++at]!
  if (c !== 0x22) return ~p

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

/** Remembers where the day at `p`, `"yyyy-MM-ddT`, starts; false when there is no such day. */
function enterDay(buf: Uint8Array, p: number, column: ColumnBuilder): boolean {
  if (buf[p] !== 0x22 || buf[p + 5] !== 0x2d || buf[p + 8] !== 0x2d || buf[p + 11] !== 0x54) return false
  const year = digitsAt(buf, p + 1, 4)
  const month = digitsAt(buf, p + 6, 2)
  const day = digitsAt(buf, p + 9, 2)
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
  column.dayLo = low - carry * TWO_32
  column.dayHi = days * column.dayUnitHi + carry
  return true
}

/** The number that `count` digits make; below 0 when one is none. */
function digitsAt(buf: Uint8Array, p: number, count: number): number {
  let value = 0
  for (let i = p; i < p + count; i++) {
    const d = buf[i]! - 48
    if (d < 0 || d > 9) return -1
    value = value * 10 + d
  }
  return value
}
