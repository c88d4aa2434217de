import { KustoUsageError } from '../errors.ts'

/** The mistake of whoever typed the command; exit code 2. */
export function usageError(message: string): KustoUsageError {
  return new KustoUsageError('CLI_USAGE', message)
}
