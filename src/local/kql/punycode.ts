import { notSupported } from '../server/local-error.ts'

// Punycode, RFC 3492 with its parameters for internationalised domain names.
const BASE = 36
const T_MIN = 1
const T_MAX = 26
const SKEW = 38
const DAMP = 700
const FIRST_BIAS = 72
const FIRST_NON_ASCII = 128
const MAX_CODE_POINT = 0x10ffff

/** Longest text in characters; the algorithm takes time in the square of it, and a domain name has 253. */
const MAX_LENGTH = 10_000

/** Punycode of a text, without the `xn--` of domain labels. */
export function encodePunycode(text: string): string {
  checkLength(text)
  const points = Array.from(text).map((char) => char.codePointAt(0) ?? 0)
  const basic = points.filter((point) => point < FIRST_NON_ASCII)
  let out = basic.map((point) => String.fromCharCode(point)).join('') + (basic.length > 0 ? '-' : '')
  let handled = basic.length
  let [current, delta, bias] = [FIRST_NON_ASCII, 0, FIRST_BIAS]
  while (handled < points.length) {
    const next = points.reduce(
      (least, point) => (point >= current && point < least ? point : least),
      MAX_CODE_POINT + 1,
    )
    delta += (next - current) * (handled + 1)
    current = next
    for (const point of points) {
      if (point < current) delta++
      if (point !== current) continue
      out += variableLength(delta, bias)
      bias = adapt(delta, handled + 1, handled === basic.length)
      delta = 0
      handled++
    }
    delta++
    current++
  }
  return out
}

/** Text of a punycode; null when it is not one. */
export function decodePunycode(text: string): string | null {
  checkLength(text)
  const split = text.lastIndexOf('-')
  const points = Array.from(text.slice(0, Math.max(split, 0))).map((char) => char.charCodeAt(0))
  if (points.some((point) => point >= FIRST_NON_ASCII)) return null
  let [current, index, bias] = [FIRST_NON_ASCII, 0, FIRST_BIAS]
  for (let at = split < 0 ? 0 : split + 1; at < text.length;) {
    const before = index
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = digitValue(text.charCodeAt(at++))
      if (digit < 0) return null
      index += digit * weight
      const threshold = thresholdOf(k, bias)
      if (digit < threshold) break
      weight *= BASE - threshold
      if (weight > Number.MAX_SAFE_INTEGER / BASE) return null
    }
    const length = points.length + 1
    bias = adapt(index - before, length, before === 0)
    current += Math.floor(index / length)
    index %= length
    if (current > MAX_CODE_POINT) return null
    points.splice(index++, 0, current)
  }
  return points.map((point) => String.fromCodePoint(point)).join('')
}

function checkLength(text: string): void {
  if (text.length > MAX_LENGTH) throw notSupported(`punycode of more than ${MAX_LENGTH} characters`)
}

function variableLength(delta: number, bias: number): string {
  let out = ''
  let rest = delta
  for (let k = BASE; ; k += BASE) {
    const threshold = thresholdOf(k, bias)
    if (rest < threshold) return out + digitChar(rest)
    out += digitChar(threshold + ((rest - threshold) % (BASE - threshold)))
    rest = Math.floor((rest - threshold) / (BASE - threshold))
  }
}

function thresholdOf(k: number, bias: number): number {
  return Math.min(Math.max(k - bias, T_MIN), T_MAX)
}

function adapt(delta: number, points: number, first: boolean): number {
  let rest = first ? Math.floor(delta / DAMP) : Math.floor(delta / 2)
  rest += Math.floor(rest / points)
  let k = 0
  for (; rest > ((BASE - T_MIN) * T_MAX) / 2; k += BASE) rest = Math.floor(rest / (BASE - T_MIN))
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW))
}

function digitChar(digit: number): string {
  return String.fromCharCode(digit < 26 ? digit + 97 : digit + 22)
}

function digitValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 22
  if (code >= 65 && code <= 90) return code - 65
  return code >= 97 && code <= 122 ? code - 97 : -1
}
