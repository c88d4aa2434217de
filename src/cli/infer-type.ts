import type { ScalarName } from '../index.ts'
import type { Cell } from './typed-batches.ts'

/** Texts that a type's values are written as, narrow types first. */
const TEXT_TYPES: readonly (readonly [ScalarName, RegExp])[] = [
  ['bool', /^(?:true|false)$/i],
  // A number with zeros before it is a code, such as a postcode: as a number it would lose them.
  ['long', /^-?(?:0|[1-9]\d{0,17})$/],
  ['real', /^-?(?:(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf(?:inity)?)$/i],
  ['datetime', /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/],
  ['timespan', /^-?(?:\d+\.)?\d{2}:\d{2}:\d{2}(?:\.\d{1,7})?$/],
  ['guid', /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i],
]

/** The Kusto type that holds all values of a column; string where nothing narrower does, or there are only nulls. */
export function inferType(values: readonly Cell[], isText: boolean): ScalarName {
  const present = values.filter((value) => value !== null)
  if (present.length === 0) return 'string'
  if (isText || present.every((value) => typeof value === 'string')) return inferText(present.map(String), isText)
  if (present.every((value) => typeof value === 'boolean')) return 'bool'
  if (present.every((value) => typeof value === 'number' || typeof value === 'bigint')) {
    const isWhole = present.every((value) => typeof value === 'bigint' || Number.isSafeInteger(value))
    return isWhole ? 'long' : 'real'
  }
  return present.some((value) => typeof value === 'object') ? 'dynamic' : 'string'
}

/** JSON strings are times and guids, but never numbers: JSON has those. */
function inferText(texts: readonly string[], isNumberText: boolean): ScalarName {
  const fit = TEXT_TYPES.find(
    ([type, pattern]) =>
      (isNumberText || type === 'datetime' || type === 'timespan' || type === 'guid') &&
      texts.every((text) => pattern.test(text)),
  )
  return fit?.[0] ?? 'string'
}
