import type { ScalarName } from '../index.ts'
import { isWhole, isWrittenAs, WRITTEN_TYPES } from './text-of-type.ts'
import type { Cell } from './typed-batches.ts'

/** The Kusto type that holds all values of a column; string where nothing narrower does, or there are only nulls. */
export function inferType(values: readonly Cell[], isText: boolean): ScalarName {
  const present = values.filter((value) => value !== null)
  if (present.length === 0) return 'string'
  if (isText || present.every((value) => typeof value === 'string')) return inferText(present.map(String), isText)
  if (present.every((value) => typeof value === 'boolean')) return 'bool'
  if (present.every((value) => typeof value === 'number' || typeof value === 'bigint')) {
    const areWhole = present.every((value) => typeof value === 'bigint' || Number.isSafeInteger(value))
    return areWhole ? inferWhole(present.map(String)) : 'real'
  }
  return present.some((value) => typeof value === 'object') ? 'dynamic' : 'string'
}

/** JSON strings are times and guids, but never numbers: JSON has those. */
function inferText(texts: readonly string[], isNumberText: boolean): ScalarName {
  if (isNumberText && texts.every(isWhole)) return inferWhole(texts)
  const types = isNumberText ? WRITTEN_TYPES : (['datetime', 'timespan', 'guid'] as const)
  return types.find((type) => texts.every((text) => isWrittenAs(type, text))) ?? 'string'
}

/** Every digit is kept: numbers too long for the types of numbers, as identifiers may be, stay text. */
function inferWhole(texts: readonly string[]): ScalarName {
  return (['long', 'decimal'] as const).find((type) => texts.every((text) => isWrittenAs(type, text))) ?? 'string'
}
