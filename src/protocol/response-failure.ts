import { KustoServiceError } from '../errors.ts'
import { serviceErrorFrom } from './one-api-error.ts'
import { redact } from './redact.ts'

/** HRESULTs of a query that the service reports by number only. */
const STATUS_NAMES: ReadonlyMap<number, string> = new Map([
  [0x80da0001 | 0, 'E_RUNAWAY_QUERY'],
  [0x80da0003 | 0, 'E_QUERY_RESULT_SET_TOO_LARGE'],
])

/**
 * The failure in a list of OneApiErrors or exception texts, as found inside answers with status 200. The first one
 * speaks; when there are several, its `cause` is an AggregateError of all.
 */
export function failureOf(errors: readonly unknown[]): KustoServiceError {
  const failures = errors.map((error) =>
    typeof error === 'string' ? exceptionOf(error) : serviceErrorFrom(error, { status: 200, fallbackMessage: UNSAID }),
  )
  const first = failures[0] ?? new KustoServiceError('KUSTO_QUERY_FAILED', UNSAID, { status: 200 })
  return failures.length < 2 ? first : combine(first, failures)
}

const UNSAID = 'the service reported a failure inside the answer and gave no reason'

/** The failure in an object that stands in place of a row, table or frame; undefined when it holds none. */
export function failureInside(value: unknown): KustoServiceError | undefined {
  if (!isRecord(value)) return undefined
  for (const key of ['OneApiErrors', 'Exceptions']) {
    const errors = value[key]
    if (Array.isArray(errors) && errors.length > 0) return failureOf(errors)
  }
  return isRecord(value['error']) ? failureOf([value]) : undefined
}

/** @throws {KustoServiceError} the failure in the properties of an object, where they hold one */
export function throwFailureInside(fields: ReadonlyMap<string, unknown>): void {
  const failure = failureInside(Object.fromEntries(fields))
  if (failure !== undefined) throw failure
}

/** @throws {KustoServiceError} the first failure, with all of them in its cause; nothing when there is none */
export function throwFailures(failures: readonly KustoServiceError[]): void {
  const first = failures[0]
  if (first !== undefined) throw failures.length === 1 ? first : combine(first, failures)
}

/** The failure a row of QueryCompletionInformation (V2) or QueryStatus (V1) tells. */
export function statusFailure(status: {
  readonly code: number
  readonly name: string | undefined
  readonly text: string
  readonly activityId: string | undefined
}): KustoServiceError {
  const code =
    STATUS_NAMES.get(status.code | 0) ?? (status.name === undefined || status.name === 'S_OK' ? undefined : status.name)
  return new KustoServiceError(code ?? 'KUSTO_QUERY_FAILED', redact(status.text) || UNSAID, {
    status: 200,
    ...(status.activityId === undefined ? {} : { activityId: status.activityId }),
  })
}

/** Several failures as one: the first, with all of them in its cause. */
function combine(first: KustoServiceError, failures: readonly KustoServiceError[]): KustoServiceError {
  return new KustoServiceError(first.code, first.message, {
    cause: new AggregateError(failures, `${failures.length} failures in one answer`),
    context: first.context,
    retryable: first.retryable,
    status: first.status,
    ...(first.permanent === undefined ? {} : { permanent: first.permanent }),
    ...(first.activityId === undefined ? {} : { activityId: first.activityId }),
    ...(first.innerCode === undefined ? {} : { innerCode: first.innerCode }),
  })
}

/** V1 sends exceptions as texts such as `Query execution has exceeded the allowed limits (80DA0003): ...`. */
function exceptionOf(text: string): KustoServiceError {
  const limits = /80DA000[0-9A-F]/i.exec(text)?.[0]
  const code = limits === undefined ? undefined : STATUS_NAMES.get(Number.parseInt(limits, 16) | 0)
  return new KustoServiceError(code ?? 'KUSTO_QUERY_FAILED', redact(text), { status: 200 })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
