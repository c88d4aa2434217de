import { KustoServiceError } from '../errors.ts'

/** Codes of an answer cut off because it has too many rows or bytes for one response. */
const LIMIT_CODES: ReadonlySet<string> = new Set(['LimitsExceeded', 'E_QUERY_RESULT_SET_TOO_LARGE', '80DA0003'])

/**
 * Whether the service refused an answer because it was too large (500,000 rows or 64 MB by default), which an export
 * is the remedy for. A query that used too much memory (`E_RUNAWAY_QUERY`) has the same outer code and is not meant.
 * @see https://learn.microsoft.com/kusto/concepts/result-truncation
 */
export function isLimitError(error: unknown): error is KustoServiceError {
  if (!(error instanceof KustoServiceError)) return false
  if (/E_RUNAWAY_QUERY|80DA0001/i.test(`${error.innerCode ?? ''} ${error.message}`)) return false
  return (
    LIMIT_CODES.has(error.code) ||
    LIMIT_CODES.has(error.innerCode ?? '') ||
    /E_QUERY_RESULT_SET_TOO_LARGE|80DA0003/i.test(error.message)
  )
}
