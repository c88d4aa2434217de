import { KustoAuthError, KustoServiceError, type KustoErrorContext } from '../errors.ts'
import { redact } from './redact.ts'

/** An HTTP answer that is an error. */
export interface ErrorAnswer {
  readonly status: number
  readonly body: string
  /** Looks a header up, any case. */
  readonly header: (name: string) => string | undefined
  readonly context?: KustoErrorContext
  /** Now, for a Retry-After that is a date; milliseconds since 1970. */
  readonly nowMs: number
}

const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 429, 502, 503, 504, 520])
const MAX_MESSAGE = 2_000
/** Of a message that is looked through for secrets, in characters. */
const MAX_READ = 32_768

/**
 * The error an HTTP answer stands for. Layout of the body, all of it optional in practice (HTML and empty bodies come
 * from proxies and gateways):
 *
 *     { "error": { "code", "message", "@message", "@permanent": bool, "@context": { "activityId" },
 *                  "innererror": { "code", "@errorCode", "innererror": ... } } }
 *
 * 401 and 403 are a KustoAuthError whose `cause` is the KustoServiceError with status and ids.
 */
export function parseOneApiError(answer: ErrorAnswer): KustoServiceError | KustoAuthError {
  const retryAfterMs = parseRetryAfter(answer.header('retry-after'), answer.nowMs)
  const error = serviceErrorFrom(parseJson(answer.body), {
    status: answer.status,
    fallbackMessage: describeBody(answer.status, answer.body),
    activityId: answer.header('x-ms-activity-id'),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(answer.context === undefined ? {} : { context: answer.context }),
  })
  if (answer.status !== 401 && answer.status !== 403) return error
  const code = answer.status === 401 ? 'KUSTO_UNAUTHORIZED' : 'KUSTO_FORBIDDEN'
  return new KustoAuthError(code, error.message, { cause: error, context: error.context })
}

export interface ServiceErrorFacts {
  readonly status: number
  /** The message when the service gave none. */
  readonly fallbackMessage: string
  /** The code when the service gave none. Default `KUSTO_HTTP_<status>`. */
  readonly fallbackCode?: string
  readonly activityId?: string | undefined
  readonly retryAfterMs?: number
  readonly context?: KustoErrorContext
}

/** The error in a parsed OneApiError, `{ "error": {...} }` or what is inside; also for those inside a 200 answer. */
export function serviceErrorFrom(json: unknown, facts: ServiceErrorFacts): KustoServiceError {
  const error = asRecord(asRecord(json)?.['error']) ?? asRecord(json) ?? {}
  const permanent = booleanOf(error['@permanent'])
  const innerCode = innermostCode(error)
  const type = textOf(error['@type'])
  const activityId = facts.activityId ?? textOf(asRecord(error['@context'])?.['activityId'])
  const message = textOf(error['@message']) ?? textOf(error['message']) ?? facts.fallbackMessage
  return new KustoServiceError(
    textOf(error['code']) ?? facts.fallbackCode ?? `KUSTO_HTTP_${facts.status}`,
    cleanMessage(message),
    {
      status: facts.status,
      retryable: isRetryable(facts.status, permanent),
      ...(permanent === undefined ? {} : { permanent }),
      ...(activityId === undefined ? {} : { activityId }),
      ...(innerCode === undefined ? {} : { innerCode }),
      ...(type === undefined ? {} : { type }),
      ...(facts.retryAfterMs === undefined ? {} : { retryAfterMs: facts.retryAfterMs }),
      ...(facts.context === undefined ? {} : { context: facts.context }),
    },
  )
}

/** Milliseconds of a Retry-After header: whole seconds, or an HTTP date. Undefined when it is neither. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000
  const dateMs = Date.parse(value)
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs)
}

/** A 500 is worth another try only if the service itself says that it is not permanent. */
function isRetryable(status: number, permanent: boolean | undefined): boolean {
  if (permanent === true) return false
  return RETRYABLE_STATUS.has(status) || (status === 500 && permanent === false)
}

function innermostCode(error: Readonly<Record<string, unknown>>): string | undefined {
  let code: string | undefined
  // Bounded, because the nesting is the service's and not ours.
  for (let inner = asRecord(error['innererror']), depth = 0; inner !== undefined && depth < 20; depth++) {
    code = textOf(inner['@errorCode']) ?? textOf(inner['code']) ?? code
    inner = asRecord(inner['innererror'])
  }
  return code
}

function describeBody(status: number, body: string): string {
  const text = body.trim()
  if (text === '') return `status ${status} with an empty body`
  const title = /<title>([^<]*)<\/title>/i.exec(text)?.[1]?.trim()
  if (title !== undefined) return `status ${status} with an HTML page: ${title}`
  return `status ${status}: ${text}`
}

function cleanMessage(message: string): string {
  // Cut between words, so that no half of a secret is left that no pattern knows.
  const read = message.length > MAX_READ ? message.slice(0, MAX_READ).replace(/\S{1,4096}$/, '') : message
  const clean = redact(read).trim()
  return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE)}...` : clean
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function booleanOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}
