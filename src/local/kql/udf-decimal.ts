import { notSupported } from '../server/local-error.ts'
import { udf, type Udf } from './udf-definition.ts'

/** Digits after the point that a stored decimal has. */
const SCALE = 18
const ONE = 10n ** BigInt(SCALE)
const MAX_STORED = 38
/** Kusto's decimals have 34 significant digits; what needs more would be rounded there. */
const MAX_DIGITS = 34

function scaled(text: string): bigint {
  const [, sign, whole = '', fraction = ''] = /^([+-]?)(\d*)\.?(\d*)$/.exec(text) ?? []
  const value = BigInt(whole + fraction.padEnd(SCALE, '0'))
  return sign === '-' ? -value : value
}

function unscaled(value: bigint): string {
  const size = (value < 0n ? -value : value).toString().padStart(SCALE + 1, '0')
  if (size.length > MAX_STORED)
    throw notSupported(`a decimal of more than ${MAX_STORED - SCALE} digits before the point`)
  if (size.replace(/^0+/, '').replace(/0+$/, '').length > MAX_DIGITS) throw inexact()
  return `${value < 0n ? '-' : ''}${size.slice(0, -SCALE)}.${size.slice(-SCALE)}`
}

/** The quotient when it comes out even. */
function exactly(dividend: bigint, divisor: bigint): string {
  if (dividend % divisor !== 0n) throw inexact()
  return unscaled(dividend / divisor)
}

function inexact(): Error {
  return notSupported(`a decimal result with more than ${SCALE} digits after the point or ${MAX_DIGITS} in all`)
}

function divisorOf(text: string): bigint {
  const divisor = scaled(text)
  if (divisor === 0n) throw notSupported('the division of a decimal by zero')
  return divisor
}

/** Decimal arithmetic on texts: exact, or an error. */
export const DECIMAL_UDFS: readonly Udf[] = [
  udf('k_decimal_multiply', ['text', 'text'], 'text', (a, b) => exactly(scaled(a) * scaled(b), ONE)),
  udf('k_decimal_divide', ['text', 'text'], 'text', (a, b) => exactly(scaled(a) * ONE, divisorOf(b))),
  udf('k_decimal_modulo', ['text', 'text'], 'text', (a, b) => {
    const divisor = divisorOf(b)
    const size = divisor < 0n ? -divisor : divisor
    // Kusto's remainder is never negative.
    return unscaled(((scaled(a) % size) + size) % size)
  }),
]
