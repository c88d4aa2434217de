import {
  KustoAuthError,
  KustoError,
  KustoIngestError,
  KustoNetworkError,
  KustoProtocolError,
  KustoServiceError,
  type KustoErrorContext,
} from '../errors.ts'
import type { TableAddress } from './ingestion-rest.ts'
import { mayHaveArrived } from './network-error.ts'

/**
 * What a failed streaming request means for its rows. Only after `unknown` may they be in the table.
 *
 * - `off`: streaming ingestion is off for the whole cluster. `policy`: no streaming policy is enabled for the table.
 *   `endpoint`: there is no streaming route at the address.
 * - `table`: the table's update policies do not allow it. `schema`: a table or mapping that the nodes do not know (yet).
 * - `size`: too much data for one request. `throttled`: too many requests at once.
 * - `rejected`: the data, or the caller's rights, are at fault. `transient`: worth another try, nothing was appended.
 * - `unknown`: no answer, and the service may have appended the rows.
 */
export type StreamingFailureKind =
  | 'off'
  | 'policy'
  | 'endpoint'
  | 'table'
  | 'schema'
  | 'size'
  | 'throttled'
  | 'rejected'
  | 'transient'
  | 'unknown'

/** A failed streaming request, sorted. */
export interface StreamingFailure {
  readonly kind: StreamingFailureKind
  /** For the caller, when nothing else is to be done: the kind as its code, the service's words in it and as its cause. */
  readonly error: KustoError
  /** What the service asked to wait. */
  readonly retryAfterMs: number | undefined
}

/** Words of the service's codes and exception classes, most telling first. */
const WORDS: readonly (readonly [RegExp, StreamingFailureKind])[] = [
  [/StreamingIngestionPolicyNotEnabled/i, 'policy'],
  [/StreamingIngestion\w*(?:DisabledForCluster|FunctionalityDisabled|UnderMaintenance)/i, 'off'],
  [/WrongEndpoint/i, 'endpoint'],
  [/UpdatePolicyIncompatible|QuerySchemaDoesNotMatchTableSchema/i, 'table'],
  [/PayloadTooLarge|InputStreamTooLarge|FileTooLarge/i, 'size'],
  [/Throttled|TooManyRequests/i, 'throttled'],
  [/EntityNotFound|TableNotExist|TableNotFound|DatabaseNotExist|MappingReferenceWasNotFound/i, 'schema'],
]

/** Gateways answer for the service with a sentence and no code. */
const SENTENCES: readonly (readonly [RegExp, StreamingFailureKind])[] = [
  [/streaming ingestion policy is (?:not enabled|disabled|missing)/i, 'policy'],
  [/streaming ingestion is (?:not enabled|disabled)/i, 'off'],
  [/\b(?:table|mapping|entity)\b[^.]*\bnot (?:found|exist)/i, 'schema'],
]

/** A gateway gave up waiting: the engine behind it may have done the work. */
const UNKNOWN_STATUS: ReadonlySet<number> = new Set([408, 502, 504])

/** The failure behind an error of `streamIngest`; undefined for what is none of the service's or the network's, an abort above all. */
export function streamingFailure(error: unknown, target: TableAddress): StreamingFailure | undefined {
  const sorted = (kind: StreamingFailureKind, cause: KustoError, retryAfterMs?: number): StreamingFailure => ({
    kind,
    error: typed(kind, cause, { database: target.database, table: target.table, ...cause.context }),
    retryAfterMs,
  })
  if (error instanceof KustoServiceError) return sorted(kindOf(error), error, error.retryAfterMs)
  if (error instanceof KustoAuthError) return { kind: 'rejected', error, retryAfterMs: undefined }
  if (error instanceof KustoNetworkError) return sorted(mayHaveArrived(error) ? 'unknown' : 'transient', error)
  // Status 200 and a body that is no answer: the rows were most likely appended, and nobody said so.
  return error instanceof KustoProtocolError ? sorted('unknown', error) : undefined
}

function kindOf(error: KustoServiceError): StreamingFailureKind {
  const { status, permanent } = error
  const words = `${error.code} ${error.innerCode ?? ''} ${error.type ?? ''}`
  for (const [pattern, kind] of WORDS) if (pattern.test(words)) return kind
  if (status === 413) return 'size'
  if (status === 429) return 'throttled'
  for (const [pattern, kind] of SENTENCES) if (pattern.test(error.message)) return kind
  if (status === 404 || status === 405) return 'endpoint'
  if (permanent === true) return 'rejected'
  if (UNKNOWN_STATUS.has(status)) return 'unknown'
  return status >= 500 || permanent === false ? 'transient' : 'rejected'
}

function typed(kind: StreamingFailureKind, cause: KustoError, context: KustoErrorContext): KustoIngestError {
  const { table = '', database = '', cluster = 'the cluster' } = context
  const options = { cause, context, retryable: kind === 'transient' || kind === 'throttled' }
  switch (kind) {
    case 'off':
      return new KustoIngestError(
        'KUSTO_STREAMING_OFF',
        `streaming ingestion is off for the cluster: enable it there first (clusterStreaming); the service said: ${cause.message}`,
        options,
      )
    case 'policy':
      return new KustoIngestError(
        'KUSTO_STREAMING_POLICY_MISSING',
        `no streaming ingestion policy is enabled for table ${table} or database ${database}: enable one (streamingPolicy); the service said: ${cause.message}`,
        options,
      )
    case 'endpoint':
      return new KustoIngestError(
        'KUSTO_STREAMING_WRONG_ENDPOINT',
        `expected the streaming route of an engine at ${cluster}, found none: the address may be an ingestion endpoint; the answer was: ${cause.message}`,
        options,
      )
    case 'table':
      return new KustoIngestError(
        'KUSTO_STREAMING_TABLE_UNSUITED',
        `the update policies of table ${table} do not allow streaming ingestion: ${cause.message}`,
        options,
      )
    case 'schema':
      return new KustoIngestError(
        'KUSTO_STREAMING_SCHEMA_UNKNOWN',
        `streaming ingestion does not know table ${table} or its mapping: ${cause.message}`,
        options,
      )
    case 'size':
      return new KustoIngestError(
        'KUSTO_STREAMING_TOO_LARGE',
        `the data are too large for one streaming request to table ${table}: ${cause.message}`,
        options,
      )
    case 'throttled':
      return new KustoIngestError(
        'KUSTO_STREAMING_THROTTLED',
        `the cluster takes no more streaming requests for now: ${cause.message}`,
        options,
      )
    case 'rejected':
      return new KustoIngestError(
        'KUSTO_STREAMING_REJECTED',
        /^UpdatePolicy_/i.test(cause.code)
          ? `an update policy of table ${table} failed on the data, which were not ingested: ${cause.message}`
          : `the service refused the data for table ${table}: ${cause.message}`,
        options,
      )
    case 'transient':
      return new KustoIngestError(
        'KUSTO_STREAMING_FAILED',
        `a streaming request to table ${table} failed: ${cause.message}`,
        options,
      )
    case 'unknown':
      return new KustoIngestError(
        'KUSTO_STREAMING_OUTCOME_UNKNOWN',
        `rows for table ${table} were sent and no answer came: they may be in the table or not; ${cause.message}`,
        options,
      )
  }
}
