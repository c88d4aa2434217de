import { KustoAuthError, KustoError, KustoNetworkError, KustoServiceError } from '../errors.ts'
import { redact } from '../protocol/redact.ts'

/** A failure of Azure Resource Manager as one of ours; an abort's reason as it is. */
export function armError(
  verb: string,
  cluster: string,
  { error, signal }: { readonly error: unknown; readonly signal: AbortSignal | undefined },
): unknown {
  if (signal?.aborted === true) return signal.reason
  if (error instanceof KustoError) return error
  const { message, code, status } = facts(error)
  const what = `Azure Resource Manager could not ${verb} cluster ${cluster}: ${redact(message)}`
  if (status === 401 || status === 403) return new KustoAuthError('KUSTO_MANAGEMENT_DENIED', what, { cause: error })
  if (status === undefined && code !== undefined && /^E[A-Z]+$/.test(code)) {
    return new KustoNetworkError('KUSTO_CONNECTION_FAILED', what, { cause: error, retryable: true })
  }
  return new KustoServiceError('KUSTO_CLUSTER_UPDATE_FAILED', what, {
    cause: error,
    status: status ?? 200,
    ...(code === undefined ? {} : { innerCode: code }),
    retryable: status === 429 || (status !== undefined && status >= 500),
  })
}

function facts(error: unknown): {
  readonly message: string
  readonly code: string | undefined
  readonly status: number | undefined
} {
  const message = error instanceof Error ? error.message : String(error)
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return {
    message,
    code: typeof code === 'string' ? code : undefined,
    status: typeof status === 'number' ? status : undefined,
  }
}
