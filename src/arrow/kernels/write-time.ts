/*
 * HOT: once per timespan; datetime-cells.ts counts the same way. A 64-bit count of units is split into whole seconds and a fraction by exact
 * double arithmetic, so that no bigint is made: with value = h1 * 2^48 + h0 * 2^32 + low, and 2^48 and 2^32 divided
 * by the units per second beforehand, every product stays below 2^53 for any time Kusto can hold.
 * 27 bytes must be reserved. Bench: bench/csv.bench.ts.
 */
import { KustoDataError } from '../../errors.ts'
import type { ByteSink } from './write-bytes.ts'
import { writePadded, writeUnsigned } from './write-integer.ts'

/** How a 64-bit count of time units turns into seconds and 100 ns ticks. */
export interface TimeScale {
  /** Units in a second. */
  readonly base: number
  /** A tick is `unitsPerTick` units, or one unit is `ticksPerUnit` ticks: one of the two is 1. */
  readonly unitsPerTick: number
  readonly ticksPerUnit: number
  readonly whole48: number
  readonly rest48: number
  readonly whole32: number
  readonly rest32: number
}

export const SECONDS: TimeScale = timeScale(1)
export const MILLISECONDS: TimeScale = timeScale(1e3)
export const MICROSECONDS: TimeScale = timeScale(1e6)
export const TICKS: TimeScale = timeScale(1e7)
export const NANOSECONDS: TimeScale = timeScale(1e9)

/** Seconds from 0001-01-01, where Kusto's ticks start, to 1970-01-01. */
export const EPOCH_SECONDS = 62_135_596_800

const LAST_TIMESPAN_SECOND = 922_337_203_685
const LAST_TIMESPAN_TICK = 4_775_807

/** Writes `[-][d.]hh:mm:ss[.fffffff]` of a count of units, given as two 32-bit halves. */
export function writeDuration(out: ByteSink, high: number, low: number, scale: TimeScale): void {
  const { base } = scale
  const h1 = high >> 16
  const h0 = high & 0xffff
  const part = h1 * scale.rest48 + h0 * scale.rest32 + (low >>> 0)
  const carry = Math.floor(part / base)
  writeTimespan(out, h1 * scale.whole48 + h0 * scale.whole32 + carry, part - carry * base, scale)
}

/**
 * Writes the timespan of whole seconds rounded down and a fraction, in units of `scale`, to add.
 * @throws {KustoDataError} KUSTO_TIMESPAN_RANGE outside 64-bit ticks
 */
export function writeTimespan(out: ByteSink, floorSeconds: number, fraction: number, scale: TimeScale): void {
  let seconds = floorSeconds
  let rest = fraction
  const negative = seconds < 0
  if (negative) {
    seconds = -seconds
    if (rest > 0) {
      seconds -= 1
      rest = scale.base - rest
    }
  }
  const ticks = fractionTicks(out, rest, scale)
  const beyond = seconds === LAST_TIMESPAN_SECOND && ticks > LAST_TIMESPAN_TICK + (negative ? 1 : 0)
  if (!(seconds <= LAST_TIMESPAN_SECOND) || beyond) {
    throw new KustoDataError('KUSTO_TIMESPAN_RANGE', 'expected a duration of at most 2^63 ticks', { type: 'timespan' })
  }
  const { bytes } = out
  if (negative && (seconds > 0 || ticks > 0)) bytes[out.pos++] = 45
  const days = Math.floor(seconds / 86_400)
  if (days > 0) {
    writeUnsigned(out, days)
    bytes[out.pos++] = 46
  }
  writeClock(out, seconds - days * 86_400)
  if (ticks > 0) {
    bytes[out.pos++] = 46
    writePadded(out, ticks, 7)
  }
}

function timeScale(base: number): TimeScale {
  return {
    base,
    unitsPerTick: Math.max(1, base / 1e7),
    ticksPerUnit: Math.max(1, 1e7 / base),
    whole48: Math.floor(2 ** 48 / base),
    rest48: 2 ** 48 % base,
    whole32: Math.floor(2 ** 32 / base),
    rest32: 2 ** 32 % base,
  }
}

function fractionTicks(out: ByteSink, fraction: number, scale: TimeScale): number {
  if (scale.unitsPerTick === 1) return fraction * scale.ticksPerUnit
  const ticks = Math.floor(fraction / scale.unitsPerTick)
  if (ticks * scale.unitsPerTick !== fraction) out.cutTimes++
  return ticks
}

function writeClock(out: ByteSink, secondOfDay: number): void {
  const minutes = (secondOfDay / 60) | 0
  const hours = (minutes / 60) | 0
  writePadded(out, hours, 2)
  out.bytes[out.pos++] = 58
  writePadded(out, minutes - hours * 60, 2)
  out.bytes[out.pos++] = 58
  writePadded(out, secondOfDay - minutes * 60, 2)
}
