/*
 * HOT: once per decimal. Exact plain digits from little-endian two's complement words. Values below 2^53 take no bigint.
 * 120 bytes must be reserved when the scale is within [-38, 76]. Bench: bench/csv.bench.ts.
 */
import { KustoDataError } from '../../errors.ts'
import { type ByteSink, writeAscii } from './write-bytes.ts'
import { writePadded, writeUnsigned } from './write-integer.ts'

/** Significant digits that a Kusto decimal holds. */
export const DECIMAL_DIGITS = 34

/**
 * Writes the decimal of `count` 32-bit words at `words[start]`, `scale` digits after the point.
 * @throws {KustoDataError} KUSTO_DECIMAL_DIGITS over 34 significant digits
 */
export function writeDecimal(out: ByteSink, words: Uint32Array, start: number, count: number, scale: number): void {
  const negative = words[start + count - 1]! >>> 31 === 1
  if (
    !negative &&
    scale >= 0 &&
    scale <= 9 &&
    (count === 1 || (words[start + 1]! < 0x20_0000 && rest(words, start, count)))
  ) {
    writeSmall(out, words[start]! + (count === 1 ? 0 : words[start + 1]! * 4_294_967_296), scale)
    return
  }
  const value = decimalValue(words, start, count)
  const digits = (value < 0n ? -value : value).toString()
  if (digits.length > DECIMAL_DIGITS && digits.replace(/0+$/, '').length > DECIMAL_DIGITS) {
    throw new KustoDataError('KUSTO_DECIMAL_DIGITS', `expected at most ${DECIMAL_DIGITS} significant digits`, {
      type: 'decimal',
    })
  }
  if (negative) out.bytes[out.pos++] = 45
  if (scale <= 0) writeAscii(out, value === 0n ? '0' : digits + '0'.repeat(-scale))
  else {
    const padded = digits.padStart(scale + 1, '0')
    writeAscii(out, padded.slice(0, -scale))
    out.bytes[out.pos++] = 46
    writeAscii(out, padded.slice(-scale))
  }
}

/** The unscaled integer of `count` little-endian 32-bit words in two's complement. */
export function decimalValue(words: Uint32Array, start: number, count: number): bigint {
  let value = 0n
  for (let index = count - 1; index >= 0; index--) value = (value << 32n) | BigInt(words[start + index]!)
  return BigInt.asIntN(count * 32, value)
}

function rest(words: Uint32Array, start: number, count: number): boolean {
  for (let index = 2; index < count; index++) if (words[start + index] !== 0) return false
  return true
}

function writeSmall(out: ByteSink, value: number, scale: number): void {
  if (scale === 0) {
    writeUnsigned(out, value)
    return
  }
  const power = 10 ** scale
  const fraction = value % power
  writeUnsigned(out, (value - fraction) / power)
  out.bytes[out.pos++] = 46
  writePadded(out, fraction, scale)
}
