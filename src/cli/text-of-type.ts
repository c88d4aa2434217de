import type { ScalarName } from '../index.ts'

type Fits = (text: string) => boolean

// A number with zeros before it is a code, such as a postcode: as a number it would lose them.
const WHOLE = /^-?(?:0|[1-9]\d*)$/
/** Whole digits that a decimal has room for when it is read back. */
const DECIMAL_DIGITS = 20

/** Texts that a type's values are written as in files of others, narrow types first. */
const WRITTEN: ReadonlyMap<ScalarName, Fits> = new Map([
  ['bool', matches(/^(?:true|false)$/i)],
  ['long', (text: string) => isWhole(text) && isLong(text)],
  ['decimal', (text: string) => isWhole(text) && text.replace('-', '').length <= DECIMAL_DIGITS],
  ['real', matches(/^-?(?:(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf(?:inity)?)$/i)],
  [
    'datetime',
    matches(
      /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,7})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/,
    ),
  ],
  ['timespan', matches(/^-?(?:\d+\.)?(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,7})?$/)],
  ['guid', matches(/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i)],
])

/** What the service may read as a type that it parses itself. Times have many forms, but none without a digit. */
const READABLE: ReadonlyMap<ScalarName, Fits> = new Map([
  ['datetime', matches(/\d/)],
  ['timespan', matches(/\d/)],
  ['decimal', matches(/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i)],
  ['guid', matches(/^\s*[({]?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}[)}]?\s*$/i)],
])

/** The types whose values are told by their text, narrow types first. */
export const WRITTEN_TYPES: readonly ScalarName[] = [...WRITTEN.keys()]

/** Whether the text is one that the type is inferred from. */
export function isWrittenAs(type: ScalarName, text: string): boolean {
  return WRITTEN.get(type)?.(text) ?? false
}

/** Whether the text may be a value of the type: what is none would become null without a word. */
export function isReadableAs(type: ScalarName, text: string): boolean {
  return READABLE.get(type)?.(text) ?? true
}

/** Whether the text is a whole number. */
export function isWhole(text: string): boolean {
  return WHOLE.test(text)
}

function isLong(text: string): boolean {
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value
}

function matches(pattern: RegExp): Fits {
  return (text) => pattern.test(text)
}
