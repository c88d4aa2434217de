const UNITS: readonly (readonly [number, string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** `1.23 M`: three digits that count. */
export function countText(value: number): string {
  const [factor, unit] = UNITS.find(([least]) => Math.abs(value) >= least) ?? [1, '']
  const text = threeDigits(value / factor)
  return unit === '' ? text : `${text} ${unit}`
}

/** `12.3 MB`, by thousands. */
export function bytesText(bytes: number): string {
  const [factor, unit] = UNITS.find(([least]) => bytes >= least) ?? [1, '']
  return `${threeDigits(bytes / factor)} ${unit}B`
}

/** `16 MiB`: for sizes that are set in powers of two. */
export function mebibytesText(bytes: number): string {
  const size = bytes / 1_048_576
  return size >= 1 ? `${threeDigits(size)} MiB` : bytesText(bytes)
}

/** `1.23 s`, or `12.3 ms` below a second. */
export function secondsText(seconds: number): string {
  if (seconds === 0) return '0 s'
  return Math.abs(seconds) < 1 ? `${threeDigits(seconds * 1000)} ms` : `${threeDigits(seconds)} s`
}

/** `+12.3 %`. */
export function percentText(share: number): string {
  const percent = share * 100
  return `${percent < 0 ? '-' : '+'}${Math.abs(percent).toFixed(1)} %`
}

function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value))
  return value.toFixed(size >= 10 ? 1 : 2)
}
