import { KustoDataError, KustoError, KustoIngestError, KustoUsageError } from '../errors.ts'

/**
 * The error of a write whose blobs failed: the only one as it is; the caller's own to mend, such as a value that does not
 * fit, before all others; else one that keeps every cause.
 */
export function severalFailures(table: string, error: unknown, failures: readonly unknown[]): unknown {
  if (failures.length < 2 || !failures.includes(error)) return error
  const mendable = failures.find((each) => each instanceof KustoDataError || each instanceof KustoUsageError)
  if (mendable !== undefined) return mendable
  return new KustoIngestError(
    'KUSTO_UPLOADS_FAILED',
    `${failures.length} blobs for table ${table} could not be uploaded; first: ${error instanceof Error ? error.message : String(error)}`,
    {
      cause: new AggregateError(failures),
      context: { table },
      retryable: failures.every((each) => each instanceof KustoError && each.retryable),
    },
  )
}
