import { KustoError } from '../../errors.ts'
import { errorOfUdf, LocalError } from './local-error.ts'

/** What an error answer tells about the request that failed. */
export interface ErrorContext {
  readonly clientRequestId: string
  readonly activityId: string
  readonly database?: string
  readonly text?: string
}

/** Kusto's error body: `{"error":{...}}`. */
export function oneApiError(error: LocalError, context: ErrorContext): Readonly<Record<string, unknown>> {
  const details = {
    timestamp: new Date().toISOString().replace('Z', '0000Z'),
    serviceAlias: 'EMBEDDED',
    machineName: 'localhost',
    processName: 'kusto-arrow',
    processId: process.pid,
    threadId: 1,
    clientRequestId: context.clientRequestId,
    activityId: context.activityId,
    subActivityId: context.activityId,
    activityType: 'GW.Http.CallContext',
    parentActivityId: context.activityId,
    activityStack: `(Activity stack: CRID=${context.clientRequestId} ARID=${context.activityId})`,
  }
  return {
    error: {
      code: error.code,
      message: SUMMARIES.get(error.status) ?? 'Request is invalid and cannot be executed.',
      '@type': error.type,
      '@message': error.message,
      '@context': details,
      '@permanent': error.permanent,
      ...(context.text === undefined ? {} : { '@text': context.text }),
      ...(context.database === undefined ? {} : { '@database': context.database }),
      ...(error.innerCode === undefined
        ? {}
        : {
            innererror: {
              code: error.innerCode,
              message: error.message,
              '@type': error.type,
              '@message': error.message,
              '@context': details,
              '@permanent': error.permanent,
              '@errorCode': error.innerCode,
              '@errorMessage': error.message,
            },
          }),
    },
  }
}

const SUMMARIES: ReadonlyMap<number, string> = new Map([
  [401, 'Request is not authenticated.'],
  [403, 'Request is denied.'],
  [404, 'Entity was not found.'],
  [405, 'Method is not allowed.'],
  [413, 'Request payload is too large.'],
  [429, 'Request is throttled.'],
  [500, 'An internal service error occurred.'],
  [503, 'Service is unavailable.'],
  [504, 'Request timed out.'],
])

/** Any failure as the error that the client gets; what nobody foresaw is a 500, never an empty result. */
export function toLocalError(error: unknown): LocalError {
  if (error instanceof LocalError) return error
  const message = error instanceof Error ? error.message : String(error)
  const failure = errorOfUdf(message, error)
  if (failure !== undefined) return failure
  const found = ENGINE_ERRORS.find(({ pattern }) => pattern.test(message))
  if (found !== undefined) return found.make(message, error)
  const code = error instanceof KustoError ? error.code : 'InternalServiceError'
  return new LocalError(code, message, {
    status: 500,
    permanent: false,
    type: 'Kusto.Data.Exceptions.KustoServiceException',
    cause: error,
  })
}

interface EngineError {
  readonly pattern: RegExp
  readonly make: (message: string, cause: unknown) => LocalError
}

/** DuckDB's failures that have a meaning in Kusto; all others are defects of the translation. */
const ENGINE_ERRORS: readonly EngineError[] = [
  {
    pattern: /^INTERRUPT Error/,
    make: (_message, cause) => cancelledError(cause),
  },
  {
    pattern: /^Out of Memory Error/,
    make: (message, cause) =>
      new LocalError(
        'LowMemoryCondition',
        `Query execution lacks memory resources to complete (80DA0007): ${message} (E_LOW_MEMORY_CONDITION)`,
        { permanent: false, type: PARTIAL_FAILURE, cause },
      ),
  },
  {
    pattern: /^(Out of Range|Conversion) Error.*(?:out of range|overflow)/is,
    make: (message, cause) =>
      new LocalError(
        'General_BadRequest',
        `Query execution failed: arithmetic overflow: a value does not fit its type (${firstLine(message)})`,
        { type: PARTIAL_FAILURE, cause },
      ),
  },
  {
    pattern: /^(Out of Range|Conversion|Invalid Input) Error/,
    make: (message, cause) =>
      new LocalError('General_BadRequest', `Query execution failed: ${message}`, { type: PARTIAL_FAILURE, cause }),
  },
]

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message
}

const PARTIAL_FAILURE = 'Kusto.Data.Exceptions.KustoServicePartialQueryFailureException'

export function cancelledError(cause?: unknown): LocalError {
  return new LocalError(
    'QueryCancelled',
    'Query execution was cancelled (80004004): the request was aborted (E_ABORT)',
    {
      permanent: true,
      type: PARTIAL_FAILURE,
      ...(cause === undefined ? {} : { cause }),
    },
  )
}

export function timeoutError(timeoutMs: number): LocalError {
  return new LocalError(
    'RequestExecutionTimeout',
    `Request execution timed out: it ran longer than ${timeoutMs / 1000} s (80131505)`,
    { status: 504, permanent: false, type: 'Kusto.Data.Exceptions.KustoServiceTimeoutException' },
  )
}

/** A result beyond the truncation limits; reported inside the body, after the rows that fit. */
export function resultTooLargeError(limit: string): LocalError {
  return new LocalError(
    'LimitsExceeded',
    `Query execution has exceeded the allowed limits (80DA0003): The results of this query exceed the set limit of ${limit}, ` +
      'so not all records were returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). ' +
      'See https://aka.ms/kustoquerylimits for more information and possible solutions.',
    { permanent: false, type: 'Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException' },
  )
}
