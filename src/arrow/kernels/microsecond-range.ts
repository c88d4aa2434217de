/*
 * HOT: once per datetime column and batch, over its rows. Reads 64-bit values as 32-bit halves, because bigints cost ten
 * times as much. Precondition, not checked: the column is Timestamp in microseconds. Bench: bench/parquet-write.bench.ts.
 */
import type { Data } from 'apache-arrow'

/** High halves of the first and last microsecond that Kusto's datetime holds, both excluded. */
const FIRST_HIGH = -14_467_071
const LAST_HIGH = 58_999_820

/** Whether every value is well inside of the years 0001 to 9999; values under nulls count too. */
export function isInRange({ values, length }: Data): boolean {
  const { buffer, byteOffset } = values as BigInt64Array
  const halves = new Int32Array(buffer, byteOffset, length * 2)
  for (let high = 1; high < halves.length; high += 2) {
    if (halves[high]! <= FIRST_HIGH || halves[high]! >= LAST_HIGH) return false
  }
  return true
}
