import { usageError } from './usage-error.ts'

/**
 * The value of an environment variable that a flag names.
 * @throws {KustoUsageError} CLI_USAGE when it is not set
 */
export function fromVariable(
  name: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (name === undefined) return undefined
  const value = nonEmpty(env[name])
  if (value === undefined) throw usageError(`expected the environment variable ${name} to be set, found it empty`)
  return value
}

/** An empty variable counts as one that is not set. */
export function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
