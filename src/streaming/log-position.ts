import { badOption } from '../base/check-options.ts'

/**
 * A position as a log gives it back after a restart: a copy, so that what its owner changes later does not count.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for one that JSON does not carry
 */
export function logPosition(position: unknown): unknown {
  const text = textOf(position)
  const kept: unknown = text === undefined ? undefined : JSON.parse(text)
  if (text !== undefined && isCarried(position, kept)) return kept
  throw badOption(
    `expected a position that JSON carries as it is, such as a number or text, found ${text ?? typeof position}: with delivery 'exactly-once' it is kept in the log`,
  )
}

function textOf(position: unknown): string | undefined {
  try {
    return JSON.stringify(position)
  } catch {
    return undefined
  }
}

function isCarried(given: unknown, kept: unknown): boolean {
  if (typeof given !== 'object' || given === null) return given === kept
  if (typeof kept !== 'object' || kept === null || Array.isArray(given) !== Array.isArray(kept)) return false
  const after = new Map<string, unknown>(Object.entries(kept))
  return (
    isPlain(given) &&
    Object.entries(given).every(
      ([name, value]) => (value === undefined && !Array.isArray(given)) || isCarried(value, after.get(name)),
    )
  )
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
