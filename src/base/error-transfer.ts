import { KustoDataError, KustoError, KustoProtocolError, KustoUsageError } from '../errors.ts'

/** An error as plain data: between threads errors lose their class and their fields. */
export interface ErrorData {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly retryable: boolean
  readonly fields: Readonly<Record<string, string | number | undefined>>
  readonly cause: ErrorData | undefined
}

type Rebuild = (code: string, message: string, options: Record<string, unknown>) => KustoError

/** The classes that a worker thread throws. */
const CLASSES: ReadonlyMap<string, Rebuild> = new Map<string, Rebuild>([
  ['KustoDataError', (code, message, options) => new KustoDataError(code, message, options)],
  ['KustoProtocolError', (code, message, options) => new KustoProtocolError(code, message, options)],
  ['KustoUsageError', (code, message, options) => new KustoUsageError(code, message, options)],
])

/** Causes of causes that go along; an error may be its own cause. */
const MAX_DEPTH = 10

/**
 * What survives the way from one thread to another. Anything thrown that is no error becomes one with its text; this must not
 * throw itself, because then a thread would end with all of its work.
 */
export function errorData(thrown: unknown, depth = 1): ErrorData {
  if (!(thrown instanceof Error)) return errorData(new Error(textOf(thrown)))
  const { name, message, stack, cause } = thrown
  const isData = thrown instanceof KustoDataError
  return {
    name: textOf(name),
    message: textOf(message),
    stack: stack === undefined ? undefined : textOf(stack),
    code: thrown instanceof KustoError ? thrown.code : undefined,
    retryable: thrown instanceof KustoError && thrown.retryable,
    fields: isData ? { column: thrown.column, row: thrown.row, type: thrown.type } : {},
    cause: cause === undefined || depth === MAX_DEPTH ? undefined : errorData(cause, depth + 1),
  }
}

/** A caller's module may throw what has no text, such as an object without a prototype. */
function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return typeof value
  }
}

/** The error again: this package's errors in their class, all others as an Error with the same name and stack. */
export function errorFromData(data: ErrorData): Error {
  const { name, message, stack, code, retryable, fields } = data
  const cause = data.cause === undefined ? undefined : errorFromData(data.cause)
  if (code !== undefined) {
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
    const rebuild = CLASSES.get(name) ?? ((...parts) => new KustoError(...parts))
    return rebuild(code, message, { ...given, retryable, ...(cause === undefined ? {} : { cause }) })
  }
  const error = new Error(message, cause === undefined ? undefined : { cause })
  error.name = name
  if (stack !== undefined) error.stack = stack
  return error
}
