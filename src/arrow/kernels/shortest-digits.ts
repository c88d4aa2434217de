/*
 * HOT: once per real that has more than a few decimals. The shortest decimal digits that read back as the same double,
 * and of those the nearest, as `String(value)` gives them, without a string or a bigint.
 *
 * A double is m * 2^e with m in [1, 2). SCALES holds for every e the power of ten that takes 2^e into [10^16, 10^17), times
 * 2^e, as the sum of two doubles: the scaled value is then known to about 104 bits, and half the distance to the next
 * double, h, is 2^-53 of the scale. Every number closer than h reads back as the same double. Digits are those of the
 * nearest multiple of 100, else of 10, else of 1, that is closer: at most one multiple of 100 can be, and the nearest
 * integer always is. Where a distance lies too near h, or two candidates are as near, `String` decides; so it does for
 * powers of two, whose lower neighbour is nearer, and for subnormals.
 */

/**
 * The digits of one number, at the places named below: `high * 10^8 + low` has `count` digits, of which `point` stand before
 * the point, and the last is no zero. An array, because fields of an object would be numbers on the heap.
 */
export type Digits = Int32Array

export const HIGH = 0
export const LOW = 1
export const COUNT = 2
export const POINT = 3

const HUNDRED_MILLION = 100_000_000
const SPLITTER = 134_217_729
const HALF_ULP = 2 ** -53
/** Far above the error of the scaled value, far below what makes `String` decide often. */
const DOUBT = 1e-7
const WIDTH = 6
const GUARD_BITS = 60

/* Scratch of one call: the two halves of a double. */
const DOUBLE = new Float64Array(1)
const WORDS = new Int32Array(DOUBLE.buffer)

/**
 * For each biased exponent e + 1023: the scale's high part, that part split in two for exact products, the low part, the power
 * of ten that undoes the scale, and 2^-e.
 */
const SCALES: Float64Array = scales()

/** Sets `digits` to those of a positive finite number. */
export function shortestDigits(digits: Digits, value: number): void {
  DOUBLE[0] = value
  const top = WORDS[1]!
  const exponent = top >>> 20
  if (exponent === 0 || ((top & 0xf_ffff) === 0 && WORDS[0] === 0)) {
    digitsOfText(digits, value)
    return
  }
  const at = exponent * WIDTH
  const mantissa = value * SCALES[at + 5]!
  const scale = SCALES[at]!
  const scaleHigh = SCALES[at + 1]!
  const scaleLow = SCALES[at + 2]!
  const split = SPLITTER * mantissa
  const mantissaHigh = split - (split - mantissa)
  const mantissaLow = mantissa - mantissaHigh
  const product = mantissa * scale
  const error =
    mantissaHigh * scaleHigh -
    product +
    mantissaHigh * scaleLow +
    mantissaLow * scaleHigh +
    mantissaLow * scaleLow +
    mantissa * SCALES[at + 3]!
  const half = scale * HALF_ULP
  // product is an integer: it is over 2^53. Its lowest eight digits, which multiplying by the inverse misses by one at most.
  let high = Math.floor(product * 1e-8)
  let low = product - high * HUNDRED_MILLION
  if (low < 0) {
    low += HUNDRED_MILLION
    high--
  } else if (low >= HUNDRED_MILLION) {
    low -= HUNDRED_MILLION
    high++
  }
  const whole = low | 0
  const hundreds = ((whole / 100) | 0) * 100
  const rest = whole - hundreds + error
  // The error may take rest below 0 or over 100, but not as far as the next multiple of 100.
  const hundred = rest >= 50 ? 100 : 0
  const toHundred = Math.abs(rest - hundred)
  let last = hundreds
  if (toHundred < half - DOUBT) last += hundred
  else {
    const ten = Math.floor(rest * 0.1 + 0.5) * 10
    const toTen = Math.abs(rest - ten)
    const one = Math.floor(rest + 0.5)
    const isTen = toTen < half
    const doubtful =
      toHundred <= half + DOUBT ||
      Math.abs(toTen - half) <= DOUBT ||
      (isTen ? toTen > 5 - DOUBT : Math.abs(rest - one) > 0.5 - DOUBT)
    if (doubtful) {
      digitsOfText(digits, value)
      return
    }
    last += (isTen ? ten : one) | 0
  }
  let first = high | 0
  if (last < 0) {
    last += HUNDRED_MILLION
    first--
  } else if (last >= HUNDRED_MILLION) {
    last -= HUNDRED_MILLION
    first++
  }
  const count = first >= 1_000_000_000 ? 18 : 17
  digits[POINT] = SCALES[at + 4]! + count
  setTrimmed(digits, first, last, count)
}

/** Sets the digits to those of `high * 10^8 + low`, which has `count` of them, without the zeros it ends in. */
export function setTrimmed(digits: Digits, high: number, low: number, count: number): void {
  let last = low
  let first = high
  let left = count
  if (last === 0) {
    const eight = (first / HUNDRED_MILLION) | 0
    last = (first - eight * HUNDRED_MILLION) | 0
    first = eight
    left -= 8
    if (last === 0) {
      last = first
      first = 0
      left -= 8
    }
  }
  let removed = 1
  let next = (last / 10) | 0
  while (((next * 10) | 0) === last && last !== 0) {
    last = next
    removed = (removed * 10) | 0
    left--
    next = (last / 10) | 0
  }
  if (removed > 1 && first > 0) {
    // The digits move right by as many places as were removed.
    const whole = (first / removed) | 0
    last += (first - whole * removed) * ((HUNDRED_MILLION / removed) | 0)
    first = whole
  }
  digits[HIGH] = first
  digits[LOW] = last
  digits[COUNT] = left
}

function digitsOfText(digits: Digits, value: number): void {
  const [coefficient, exponent] = value.toExponential().split('e') as [string, string]
  const text = coefficient.replace('.', '')
  digits[HIGH] = Number(text.slice(0, -8))
  digits[LOW] = Number(text.slice(-8))
  digits[COUNT] = text.length
  digits[POINT] = Number(exponent) + 1
}

/* Powers of ten are exact bigints here, so that both parts of every scale are correctly rounded. */
function scales(): Float64Array {
  const all = new Float64Array(2048 * WIDTH)
  const powers: bigint[] = [1n]
  for (let n = 1; n <= 340; n++) powers.push(powers[n - 1]! * 10n)
  for (let biased = 1; biased < 2047; biased++) {
    const exponent = biased - 1023
    const power = 16 - Math.floor(exponent * Math.log10(2))
    const factor = powers[Math.abs(power)]!
    const numerator = (power >= 0 ? factor : 1n) << BigInt(Math.max(exponent, 0) + GUARD_BITS)
    const denominator = (power >= 0 ? 1n : factor) << BigInt(Math.max(-exponent, 0))
    const exact = numerator / denominator
    const scale = Number(exact)
    const split = SPLITTER * scale
    const scaleHigh = split - (split - scale)
    const parts = [scale, scaleHigh, scale - scaleHigh, Number(exact - BigInt(scale))]
    for (const [part, value] of parts.entries()) all[biased * WIDTH + part] = value / 2 ** GUARD_BITS
    all[biased * WIDTH + 4] = -power
    all[biased * WIDTH + 5] = 2 ** -exponent
  }
  return all
}
