import { RestError } from '@azure/core-rest-pipeline'
import { KustoAuthError, KustoError, KustoNetworkError } from '../errors.ts'
import { redact } from '../protocol/redact.ts'

/** The HTTP status of a storage failure, when it has one. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof RestError ? error.statusCode : undefined
}

/** The service's word for a failure, such as `ServerBusy`; the SDK does not find it in an answer without body. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof RestError)) return undefined
  return error.code ?? error.response?.headers.get('x-ms-error-code')
}

/** Why a request failed, in a few words without URL: the SDK's own messages may hold signed ones. */
export function shortReason(error: unknown): string {
  if (error instanceof KustoError) return error.message
  if (error instanceof RestError) return `${error.statusCode ?? 'no answer'} ${codeOf(error) ?? ''}`.trimEnd()
  return error instanceof Error ? error.name : typeof error
}

/** A storage failure in this package's terms. The message names the action and the URL without its query string. */
export function storageError(action: string, url: string, cause: unknown): KustoError {
  if (cause instanceof KustoError) return cause
  const status = statusOf(cause)
  const bare = url.split(/[?;]/)[0] ?? url
  // The SDK's message and request hold the signed URL: keep its code and status, not the object.
  const detail = cause instanceof RestError ? (codeOf(cause) ?? 'no code') : reasonOf(cause)
  if (status === 401 || status === 403) {
    return new KustoAuthError('KUSTO_STORAGE_DENIED', `storage refused to ${action} ${bare}: ${status} ${detail}`)
  }
  if (status === 404) {
    return new KustoNetworkError('KUSTO_BLOB_NOT_FOUND', `nothing to ${action} at ${bare}: ${detail}`)
  }
  if (status === 409 && codeOf(cause) === 'BlobAlreadyExists') {
    return new KustoNetworkError('KUSTO_BLOB_EXISTS', `could not ${action} ${bare}: there is a blob of that name`)
  }
  return new KustoNetworkError(
    'KUSTO_STORAGE_FAILED',
    `could not ${action} ${bare}: ${status ?? 'no answer'} ${detail}`,
    {
      retryable: status === undefined || status >= 500 || status === 408 || status === 429,
    },
  )
}

/** What an abort brings may be anything. */
function reasonOf(cause: unknown): string {
  return redact(cause instanceof Error ? cause.message : String(cause))
}
