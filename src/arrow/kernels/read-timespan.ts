import type { ColumnBuilder } from './column-builder.ts'
import { readLong } from './read-long.ts'

const TWO_32 = 4_294_967_296
/** The longest timespan has these whole days, and these ticks of another one; the most negative has a tick more. */
const MAX_DAYS = 10_675_199
const LAST_DAY_TICKS = 100_854_775_807

/**
 * Reads a timespan at `p` into row `row`, as two 32-bit halves of the column's unit.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * Layout: `"[-][d.]hh:mm:ss[.f{1,7}]"`, or a JSON integer of ticks (V1 answers of some producers).
 *
 * A digit below the unit is dropped (towards zero) and counted in `lostTicks`.
 * Precondition, not checked: twelve zero bytes follow the last byte of `buf`.
 *
 * Returns the position after the value, or `~p` when the value does not fit.
 */
export function readTimespan(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  if (buf[p] !== 0x22) return readTickNumber(buf, view, p, column, row)
  // Most have no days and no fraction: hh:m and m:ss, each digit a byte 0 to 9.
  const minus = ((buf[p + 1]! ^ 0x2d) - 1) >>> 31
  const t0 = view.getInt32(p + minus + 1, true) ^ 0x303a3030
  const t1 = view.getInt32(p + minus + 5, true) ^ 0x30303a30
  const odd = ((t0 | (t0 + 0x06000606)) & 0xf0fff0f0) | ((t1 | (t1 + 0x06060006)) & 0xf0f0fff0)
  if (odd === 0 && buf[p + minus + 9] === 0x22) {
    const hour = (t0 & 15) * 10 + ((t0 >> 8) & 15)
    const minute = ((t0 >> 24) & 15) * 10 + (t1 & 15)
    const second = ((t1 >> 16) & 15) * 10 + ((t1 >> 24) & 15)
    if (hour > 23 || minute > 59 || second > 59) return ~p
    const units = ((hour * 60 + minute) * 60 + second) * column.perSecond * (1 - 2 * minus)
    const high = Math.floor(units / TWO_32)
    column.i32[2 * row] = units - high * TWO_32
    column.i32[2 * row + 1] = high
    return p + minus + 10
  }
  return readLongTimespan(buf, p, column, row)
}

/** With days or a fraction. */
function readLongTimespan(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  let at = p + 1
  const negative = buf[at] === 0x2d
  if (negative) at++
  let first = at
  let number = 0
  let d = buf[at]! - 48
  while (d >= 0 && d <= 9) {
    number = number * 10 + d
    d = buf[++at]! - 48
  }
  let days = 0
  if (d + 48 === 0x2e) {
    if (at === first || at - first > 8) return ~p
    days = number
    number = 0
    first = ++at
    d = buf[at]! - 48
    while (d >= 0 && d <= 9) {
      number = number * 10 + d
      d = buf[++at]! - 48
    }
  }
  const hour = number
  const n1 = buf[at + 1]! - 48
  const n2 = buf[at + 2]! - 48
  const s1 = buf[at + 4]! - 48
  const s2 = buf[at + 5]! - 48
  const odd = n1 | n2 | s1 | s2 | (9 - n1) | (9 - n2) | (9 - s1) | (9 - s2)
  if (odd < 0 || at === first || at - first > 2 || buf[at] !== 0x3a || buf[at + 3] !== 0x3a) return ~p
  const minute = n1 * 10 + n2
  const second = s1 * 10 + s2
  if (hour > 23 || minute > 59 || second > 59) return ~p
  at += 6
  let ticks = 0
  if (buf[at] === 0x2e) {
    d = buf[++at]! - 48
    if (d < 0 || d > 9) return ~p
    const firstDigit = at
    while (d >= 0 && d <= 9) {
      ticks = (ticks * 10 + d) | 0
      d = buf[++at]! - 48
      if (at - firstDigit > 7) return ~p
    }
    for (let digits = at - firstDigit; digits < 7; digits++) ticks = (ticks * 10) | 0
  }
  if (buf[at] !== 0x22) return ~p

  const { perSecond } = column
  const seconds = (hour * 60 + minute) * 60 + second
  // Microseconds could hold more days, but no timespan has them, and below the sum would no longer be exact.
  if (days >= MAX_DAYS && (days > MAX_DAYS || seconds * 1e7 + ticks > LAST_DAY_TICKS + Number(negative))) return ~p
  let units = seconds * perSecond
  let lost = 0
  if (perSecond === 1e7) units += ticks
  else if (perSecond === 1e9) units += ticks * 100
  else {
    const micros = (ticks / 10) | 0
    lost = ticks - micros * 10
    units += micros
  }
  const low = days * column.dayUnitLo + units
  const carry = Math.floor(low / TWO_32)
  let hi = days * column.dayUnitHi + carry
  let lo = low - carry * TWO_32
  if (hi > 2_147_483_647 && !(negative && hi === 2_147_483_648 && lo === 0)) return ~p
  if (lost !== 0) {
    column.lostTicks++
    column.lostRow = row
  }
  if (negative) {
    hi = lo === 0 ? -hi : ~hi
    lo = -lo
  }
  column.i32[2 * row] = lo
  column.i32[2 * row + 1] = hi
  return at + 1
}

/** Ticks as a bare number: rare, so a bigint is good enough. */
function readTickNumber(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const after = readLong(buf, view, p, column, row)
  if (after < 0 || column.perSecond === 1e7) return after
  const ticks = column.view.getBigInt64(row * 8, true)
  const units = column.perSecond === 1e9 ? ticks * 100n : ticks / 10n
  if (BigInt.asIntN(64, units) !== units) return ~p
  if (column.perSecond === 1e6 && units * 10n !== ticks) {
    column.lostTicks++
    column.lostRow = row
  }
  column.view.setBigInt64(row * 8, units, true)
  return after
}
