import { convertUnit } from './unit-conversion.ts'
import { udf, type Udf } from './udf-definition.ts'

/** Accuracy at which a series or continued fraction stops. */
const EPSILON = 1e-17
/** Bound on the terms of any series here; convergence takes far fewer. */
const MAX_TERMS = 5_000

const LANCZOS = [
  57.15623566586292, -59.59796035547549, 14.136097974741746, -0.4919138160976202, 3.399464998481189e-5,
  4.652362892704858e-5, -9.837447530487956e-5, 0.0001580887032249125, -0.00021026444172410488, 0.00021743961811521265,
  -0.0001643181065367639, 8.441822398385275e-5, -2.6190838401581408e-5, 3.6899182659531625e-6,
]

export const MATH_UDFS: readonly Udf[] = [
  udf('k_pow', ['real', 'real'], 'real', (base, exponent) => base ** exponent),
  udf('k_erf', ['real'], 'real', erf),
  udf('k_erfc', ['real'], 'real', erfc),
  udf('k_beta_cdf', ['real', 'real', 'real'], 'real', (x, a, b) =>
    x < 0 || x > 1 || !(a > 0) || !(b > 0) ? Number.NaN : regularizedBeta(x, a, b),
  ),
  udf('k_beta_pdf', ['real', 'real', 'real'], 'real', (x, a, b) =>
    x < 0 || x > 1 || !(a > 0) || !(b > 0) ? Number.NaN : betaDensity(x, a, b),
  ),
  udf('k_beta_inv', ['real', 'real', 'real'], 'real', (p, a, b) => {
    if (!(a > 0) || !(b > 0)) return Number.NaN
    return p < 0 || p > 1 ? null : betaInverse(p, a, b)
  }),
  udf('k_welch', ['real', 'real', 'real', 'real', 'real', 'real'], 'real', welch),
  udf('k_shift_left', ['long', 'long'], 'long', (value, by) => BigInt.asIntN(64, value << BigInt.asUintN(6, by))),
  udf('k_shift_right', ['long', 'long'], 'long', (value, by) => value >> BigInt.asUintN(6, by)),
  udf('k_convert', ['text', 'real', 'text', 'text'], 'real', convertUnit),
]

function erf(x: number): number {
  if (Number.isNaN(x)) return x
  if (x < 0) return -erf(-x)
  return x < 2 ? erfSeries(x) : 1 - erfcFraction(x)
}

function erfc(x: number): number {
  if (Number.isNaN(x)) return x
  if (x < 0) return 2 - erfc(-x)
  return x < 2 ? 1 - erfSeries(x) : erfcFraction(x)
}

/** 2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!: every term is positive, nothing cancels. */
function erfSeries(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; n < MAX_TERMS && Math.abs(term) > EPSILON * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** e^(-x^2)/sqrt(pi) * 1/(x + 1/2/(x + 1/(x + 3/2/(x + ...)))), evaluated from the back. */
function erfcFraction(x: number): number {
  if (x > 27.3) return 0
  let tail = 0
  for (let n = 200; n >= 1; n--) tail = n / 2 / (x + tail)
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + tail)
}

/** Two-sided p-value of Welch's t-test from the mean, variance and size of two samples. */
function welch(mean1: number, variance1: number, n1: number, mean2: number, variance2: number, n2: number): number {
  const [a, b] = [variance1 / n1, variance2 / n2]
  const t = (mean1 - mean2) / Math.sqrt(a + b)
  const freedom = (a + b) ** 2 / (a ** 2 / (n1 - 1) + b ** 2 / (n2 - 1))
  return regularizedBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
}

/** Natural logarithm of gamma for positive arguments. */
function logGamma(x: number): number {
  let sum = 0.9999999999999971
  LANCZOS.forEach((coefficient, index) => {
    sum += coefficient / (x + index + 1)
  })
  const t = x + 607 / 128 + 0.5
  return (x + 0.5) * Math.log(t) - t + Math.log((Math.sqrt(2 * Math.PI) * sum) / x)
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

function betaDensity(x: number, a: number, b: number): number {
  return Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logBeta(a, b))
}

function regularizedBeta(x: number, a: number, b: number): number {
  if (x === 0 || x === 1) return x
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a
  return front * betaFraction(x, a, b)
}

/** Lentz's method divides by this value, so it may not be zero. */
function away(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value
}

/** Continued fraction of the incomplete beta function, by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < MAX_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-16) break
  }
  return fraction
}

function betaInverse(p: number, a: number, b: number): number {
  let low = 0
  let high = 1
  for (let step = 0; step < 1_100 && high - low > Number.EPSILON * low; step++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (regularizedBeta(middle, a, b) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
