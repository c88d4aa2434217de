import { KustoError, KustoNetworkError, KustoProtocolError, type KustoErrorContext } from '../errors.ts'

/** System errors after which the same request may get through. A name that does not resolve and a bad certificate stay. */
const PASSING: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
])

const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** The error for a connection that failed before an answer began. `isUnsent`: before the last byte of the request was given away. */
export function connectionFailed(
  error: unknown,
  context: KustoErrorContext,
  { isUnsent = false }: { readonly isUnsent?: boolean } = {},
): KustoError {
  if (error instanceof KustoError) return error
  const code = systemCode(error)
  return new KustoNetworkError(
    'KUSTO_CONNECTION_FAILED',
    `expected an answer from ${context.cluster ?? 'the cluster'}, found ${code ?? describe(error)}`,
    {
      cause: error,
      context,
      retryable: code !== undefined && PASSING.has(code),
      isUnsent: isUnsent || NEVER_SENT.has(code ?? ''),
    },
  )
}

/** The error for a body that ended early or cannot be decompressed. */
export function bodyFailed(error: unknown, context: KustoErrorContext): KustoError {
  if (error instanceof KustoError) return error
  const code = systemCode(error)
  if (code?.startsWith('Z_') === true && code !== 'Z_BUF_ERROR') {
    return new KustoProtocolError('KUSTO_BAD_ENCODING', `expected a gzip body, found ${describe(error)}`, {
      cause: error,
      context,
    })
  }
  return new KustoNetworkError(
    'KUSTO_TRUNCATED',
    `expected the whole body, found its end early (${code ?? describe(error)})`,
    {
      cause: error,
      context,
      retryable: true,
    },
  )
}

function systemCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : 'an unknown failure'
}

/** The same failure with where it happened; an abort's reason and what is not ours pass unchanged. */
export function withContext(error: unknown, context: KustoErrorContext): unknown {
  if (!(error instanceof KustoNetworkError) || error.context.clientRequestId !== undefined) return error
  return new KustoNetworkError(error.code, error.message, {
    cause: error.cause,
    context,
    retryable: error.retryable,
    isUnsent: error.isUnsent,
  })
}

/** Whether the service may have the request although no answer came. */
export function mayHaveArrived(error: unknown): boolean {
  if (!(error instanceof KustoNetworkError)) return true
  return error.code !== 'KUSTO_CONNECT_TIMEOUT' && !error.isUnsent
}
