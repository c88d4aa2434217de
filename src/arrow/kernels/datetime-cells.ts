/*
 * HOT: one loop per datetime column and block of rows. Every datetime has 28 bytes, `yyyy-mm-ddThh:mm:ss.fffffffZ`, which
 * are composed as seven 32-bit stores; the date part is made once per change of day. Bench: bench/csv.bench.ts.
 */
import { KustoDataError } from '../../errors.ts'
import type { CellKernel } from './cell-kernel.ts'
import { DIGIT_PAIRS as PAIRS } from './write-integer.ts'
import { EPOCH_SECONDS, SECONDS, type TimeScale } from './write-time.ts'

const LENGTH = 28
const DAY_SECONDS = 86_400
/** High halves below this belong to values that a double holds exactly. */
const EXACT_HIGH = 2 ** 21
/** ".000" and "0000" as little-endian 32-bit values. */
const NO_FRACTION = 0x3030_302e
const ZEROS = 0x3030_3030
const FIRST_SECOND = -EPOCH_SECONDS
const LAST_SECOND = 253_402_300_799

/** Cells of 64-bit counts of `scale` units since `epochSeconds` (counted from 1970), given as 32-bit halves. */
export function datetimeCells(halves: Int32Array, scale: TimeScale, epochSeconds = 0): CellKernel {
  const { base, whole48, rest48, whole32, rest32, unitsPerTick, ticksPerUnit } = scale
  const inverse = 1 / base
  const date = new Int32Array(3)
  return {
    measure: ({ count, lengths }) => void lengths.fill(LENGTH, 0, count),
    write: (out, { count, rows, at }) => {
      const { bytes, view } = out
      let midnight = NaN
      let cutTimes = 0
      for (let index = 0; index < count; index++) {
        const row = rows[index]! * 2
        const high = halves[row + 1]!
        const low = halves[row]! >>> 0
        let part = high * 4_294_967_296 + low
        let whole = epochSeconds
        if (high >= EXACT_HIGH || high < -EXACT_HIGH) {
          // value = h1 * 2^48 + h0 * 2^32 + low: see write-time.ts.
          const h1 = high >> 16
          const h0 = high & 0xffff
          part = h1 * rest48 + h0 * rest32 + low
          whole += h1 * whole48 + h0 * whole32
        }
        // Multiplying by the inverse may miss the quotient by one.
        let carry = Math.floor(part * inverse)
        let units = part - carry * base
        if (units < 0) {
          units += base
          carry--
        } else if (units >= base) {
          units -= base
          carry++
        }
        const seconds = whole + carry
        let ticks = units * ticksPerUnit
        if (unitsPerTick > 1) {
          ticks = ((units | 0) / unitsPerTick) | 0
          if (ticks * unitsPerTick !== units) cutTimes++
        }
        if (!(seconds >= midnight && seconds < midnight + DAY_SECONDS)) midnight = startOfDay(date, seconds)
        const second = (seconds - midnight) | 0
        const pos = at[index]!
        view.setInt32(pos, date[0]!, true)
        view.setInt32(pos + 4, date[1]!, true)
        view.setInt32(pos + 7, date[2]!, true)
        const minutes = (second / 60) | 0
        const hour = (minutes / 60) | 0
        const minute = PAIRS[minutes - hour * 60]!
        view.setInt32(pos + 11, PAIRS[hour]! | 0x3a_0000 | (minute << 24), true)
        view.setInt32(pos + 15, (minute >> 8) | 0x3a00 | (PAIRS[second - minutes * 60]! << 16), true)
        bytes[pos + 27] = 90
        if (ticks === 0) {
          view.setInt32(pos + 19, NO_FRACTION, true)
          view.setInt32(pos + 23, ZEROS, true)
          continue
        }
        const fraction = ticks | 0
        const high2 = (fraction / 100_000) | 0
        const low5 = fraction - high2 * 100_000
        const middle2 = (low5 / 1000) | 0
        const low3 = low5 - middle2 * 1000
        const low2 = (low3 / 10) | 0
        const middle = PAIRS[middle2]!
        view.setInt32(pos + 19, 0x2e | (PAIRS[high2]! << 8) | (middle << 24), true)
        view.setInt32(pos + 23, (middle >> 8) | (PAIRS[low2]! << 8) | ((48 + low3 - low2 * 10) << 24), true)
      }
      out.cutTimes += cutTimes
    },
  }
}

/** Cells of 32-bit counts of days since 1970. */
export function dateCells(days: Int32Array): CellKernel {
  const halves = new Int32Array(days.length * 2)
  for (let row = 0; row < days.length; row++) {
    const seconds = days[row]! * DAY_SECONDS
    halves[2 * row] = seconds | 0
    halves[2 * row + 1] = Math.floor(seconds / 4_294_967_296)
  }
  return datetimeCells(halves, SECONDS)
}

/*
 * The start of the day in seconds since 1970, and its `yyyy-mm-ddT` as three words for bytes 0, 4 and 7. Days to a civil
 * date: years run from March, so that the leap day is the last of a 400-year era's year.
 */
function startOfDay(date: Int32Array, seconds: number): number {
  if (!(seconds >= FIRST_SECOND && seconds <= LAST_SECOND)) {
    throw new KustoDataError('KUSTO_DATETIME_RANGE', 'expected a time in the years 0001 to 9999', { type: 'datetime' })
  }
  const days = Math.floor(seconds / DAY_SECONDS)
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra =
    ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0))
  const shiftedMonth = ((5 * dayOfYear + 2) / 153) | 0
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const century = (year / 100) | 0
  const monthText = PAIRS[month]!
  const dayText = PAIRS[dayOfYear - (((153 * shiftedMonth + 2) / 5) | 0) + 1]!
  date[0] = PAIRS[century]! | (PAIRS[year - century * 100]! << 16)
  date[1] = 0x2d | (monthText << 8) | (0x2d << 24)
  date[2] = 0x2d | (dayText << 8) | (0x54 << 24)
  return days * DAY_SECONDS
}
