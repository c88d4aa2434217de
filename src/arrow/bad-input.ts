import { KustoUsageError } from '../errors.ts'

/** The error for data that is not what can be written. */
export function badInput(expected: string, found: unknown): KustoUsageError {
  const what = Array.isArray(found) ? 'an array' : found === null ? 'null' : typeof found
  return new KustoUsageError('KUSTO_BAD_INPUT', `expected ${expected}, found ${what}`)
}
