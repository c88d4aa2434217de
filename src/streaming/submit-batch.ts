import { poll } from '../base/poll.ts'
import { delayBoundMs } from '../base/retry.ts'
import type { RetryNotice, RetryPolicy } from '../base/retry.ts'
import { sleep } from '../base/sleep.ts'
import { KustoError, KustoIngestError, KustoServiceError, KustoUsageError } from '../errors.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { isFinal } from '../sink/ingestion-service.ts'
import type { BlobStatus } from '../sink/ingestion-service.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import type { StagingChoice } from '../sink/staging-area.ts'
import { findIngestedTag } from '../sink/skip-write.ts'
import type { ExactlyOnceSettings } from './exactly-once-settings.ts'
import { queueBytes } from './queue-bytes.ts'
import type { QueuedBytes } from './queue-bytes.ts'
import { sourceIdOf } from './wal-records.ts'
import type { EntryRecord, IntentRecord, SentRecord } from './wal-records.ts'
import type { LoggedAttempt } from './read-log.ts'
import { isWithoutAnswer } from './without-answer.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export interface SubmitRequest {
  readonly log: WriteAheadLog
  readonly entry: EntryRecord
  /** What was tried before, in order. */
  readonly attempts: readonly LoggedAttempt[]
  /** The table that the rows are sent to. */
  readonly table: string
  readonly tag: string
  /** Where its blob is staged. */
  readonly write: StagingChoice
  readonly settings: Pick<ExactlyOnceSettings, 'inDoubtMs' | 'tagLifetimeMs' | 'completionTimeoutMs'>
  readonly signal: AbortSignal
  /** Told before the wait for the next attempt. */
  readonly onRetry: (notice: RetryNotice) => void
  /** Told when the service has taken the rows. */
  readonly onSent: () => void
}

/** How a batch came to be in the table. */
export interface Submitted {
  readonly evidence: 'succeeded' | 'skipped' | 'tag found'
}

/** Submissions of one batch. Each is made only after the one before is known to have brought nothing. */
const RESUBMIT: RetryPolicy = { maxAttempts: 8, firstDelayMs: 1_000, factor: 2, maxDelayMs: 60_000 }

/**
 * Brings a staged batch into its table, and not twice: never sends anything without an intent in the log, never sends again
 * before the last attempt has failed for sure, or has left no trace for `inDoubtMs`; and then the tag is the same, and whichever
 * comes second is skipped by the service.
 * @throws {KustoIngestError} KUSTO_INGESTION_FAILED when the rows are refused for good
 * @throws {KustoError} KUSTO_IN_DOUBT when nobody can tell any more; KUSTO_TAG_COLLISION for a tag that was there before us
 */
export async function submitBatch(context: SinkContext, request: SubmitRequest): Promise<Submitted> {
  const { log, entry, table, tag, settings, signal } = request
  let last = request.attempts.at(-1)
  const earlier = request.attempts.length
  for (let attempt = 1; ; attempt++) {
    if (last !== undefined) {
      const verdict = await judge(context, last, { ...request, wasSentBefore: earlier + attempt > 2 })
      if (verdict.kind === 'arrived') return { evidence: verdict.evidence }
      if (attempt > RESUBMIT.maxAttempts) throw verdict.error
      const delayMs = Math.random() * delayBoundMs(attempt, RESUBMIT)
      request.onRetry({ attempt: last.intent.attempt, delayMs, error: verdict.error })
      await sleep(delayMs, signal)
    }
    const first: string = request.attempts[0]?.intent.createdAt ?? last?.intent.createdAt ?? new Date().toISOString()
    if (Date.now() - Date.parse(first) > settings.tagLifetimeMs) throw inDoubt(request, first)
    const intent = await log.intend(entry, { table, sourceId: (number) => sourceIdOf(tag, number) }, signal)
    last = await send(context, intent, request)
  }
}

/** An attempt as it stands now, and the failure that surely kept it from arriving. */
interface Attempt extends LoggedAttempt {
  readonly failure?: unknown
}

async function send(context: SinkContext, intent: IntentRecord, request: SubmitRequest): Promise<Attempt> {
  const { log, entry, table, tag, signal } = request
  const properties: IngestionProperties = {
    ...entry.properties,
    tags: [...(entry.properties.tags ?? []), `ingest-by:${tag}`],
    ingestIfNotExists: [tag],
  }
  let isSubmitted = false
  let queued: QueuedBytes
  try {
    const body = await log.staged(entry, signal)
    const { sourceId } = intent
    const blob = { sourceId, body, extension: entry.extension, rows: entry.rows, rawBytes: () => entry.rawBytes }
    const beforeSubmit = async (): Promise<void> => {
      // As late as can be: a writer that was away for long must not send what another one has settled.
      await log.verify(signal)
      isSubmitted = true
    }
    queued = await queueBytes(context, { table, blob, properties, storage: request.write, beforeSubmit }, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (isLogError(error)) throw error
    if (isSubmitted && isWithoutAnswer(error)) return { intent, sent: undefined }
    if (error instanceof KustoError && error.retryable) return { intent, sent: undefined, failure: error }
    throw error
  }
  request.onSent()
  // What keeps the log from saying so is no reason to send the rows again.
  return { intent, sent: await log.sent(intent, { via: queued.via, ...queued.tracking }, signal) }
}

type Verdict =
  | { readonly kind: 'arrived'; readonly evidence: Submitted['evidence'] }
  /** It did not arrive and will not, or its twin would be skipped. */
  | { readonly kind: 'again'; readonly error: unknown }

async function judge(
  context: SinkContext,
  attempt: Attempt,
  request: SubmitRequest & { readonly wasSentBefore: boolean },
): Promise<Verdict> {
  if (attempt.failure !== undefined) return { kind: 'again', error: attempt.failure }
  if (attempt.sent === undefined) return awaitTag(context, attempt.intent, request)
  const status = await finalStatus(context, { ...attempt, sent: attempt.sent }, request)
  if (status === undefined) return awaitTag(context, attempt.intent, request)
  switch (status.state) {
    case 'Succeeded':
      return { kind: 'arrived', evidence: 'succeeded' }
    case 'Skipped':
      // A skip is our own rows only when we had sent them before.
      if (request.wasSentBefore) return { kind: 'arrived', evidence: 'skipped' }
      throw collision(request)
    case 'Failed':
      if (status.failureStatus === 'Transient') return { kind: 'again', error: refused(request, status) }
      throw refused(request, status)
    case 'PartiallySucceeded':
    case 'Canceled':
    case 'Queued':
    case 'InProgress':
      throw refused(request, status)
  }
}

/** Undefined when the service knows nothing of it. */
async function finalStatus(
  context: SinkContext,
  { intent, sent }: { readonly intent: IntentRecord; readonly sent: SentRecord },
  { table, settings, signal }: SubmitRequest,
): Promise<BlobStatus | undefined> {
  const tracking = [{ ...sent, sourceId: intent.sourceId }]
  let unknown = 0
  return poll(
    async (): Promise<BlobStatus | 'unknown' | undefined> => {
      try {
        const statuses = await context.ingestion.use((service) => service.status(table, tracking, { signal }), {
          via: sent.via,
          signal,
        })
        const [status] = statuses
        return status !== undefined && isFinal(status.state) ? status : undefined
      } catch (error) {
        signal.throwIfAborted()
        // A service that has just taken a blob may not know it yet.
        if (isUnknown(error)) return ++unknown >= MAX_UNKNOWN ? 'unknown' : undefined
        if (error instanceof KustoError && error.retryable) return undefined
        throw error
      }
    },
    {
      what: `the ingestion of batch ${intent.sequence} into ${table}`,
      timeoutMs: settings.completionTimeoutMs,
      signal,
    },
  ).then((status) => (status === 'unknown' ? undefined : status))
}

const MAX_UNKNOWN = 5

/** An operation that is not there any more, or a blob that no status table and no operation lists: kept for some time only. */
function isUnknown(error: unknown): boolean {
  if (error instanceof KustoServiceError && error.status === 404) return true
  return error instanceof KustoError && error.code === 'KUSTO_STATUS_NOT_FOUND'
}

/** Without an answer only the table can tell. */
async function awaitTag(context: SinkContext, intent: IntentRecord, request: SubmitRequest): Promise<Verdict> {
  const { table, tag, settings, signal } = request
  const sinceMs = Date.parse(intent.createdAt)
  const lookedAtMs = performance.now()
  for (;;) {
    if ((await findIngestedTag(context, table, { ingestIfNotExists: [tag], signal })) !== undefined) {
      return { kind: 'arrived', evidence: 'tag found' }
    }
    // A clock that was set back meanwhile does not make the wait longer.
    const ageMs = Math.max(Date.now() - sinceMs, performance.now() - lookedAtMs)
    if (ageMs > settings.tagLifetimeMs) throw inDoubt(request, intent.createdAt)
    if (ageMs >= settings.inDoubtMs) {
      return {
        kind: 'again',
        error: new KustoError('KUSTO_NO_ANSWER', `batch ${intent.sequence} left no trace in ${table}`),
      }
    }
    await sleep(Math.min(TAG_POLL_MS, settings.inDoubtMs - ageMs), signal)
  }
}

const TAG_POLL_MS = 5_000

function refused({ entry, table }: SubmitRequest, status: BlobStatus): KustoIngestError {
  const { sourceId, state, errorCode, details } = status
  return new KustoIngestError(
    'KUSTO_INGESTION_FAILED',
    `batch ${entry.sequence} of ${entry.rows} rows did not reach table ${table}: ${state} ${errorCode} ${details}`.trimEnd(),
    { context: { table }, failures: [{ sourceId, status: state, errorCode, details }] },
  )
}

function collision({ entry, table, tag }: SubmitRequest): KustoError {
  return new KustoUsageError(
    'KUSTO_TAG_COLLISION',
    `expected no extent of table ${table} with the tag ingest-by:${tag} before batch ${entry.sequence} was sent for the first time, ` +
      'found one: the log was copied or restored; find out which rows are in the table before going on',
    { context: { table } },
  )
}

function inDoubt({ entry, table, settings }: SubmitRequest, since: string): KustoError {
  return new KustoError(
    'KUSTO_IN_DOUBT',
    `nobody can tell whether batch ${entry.sequence} of ${entry.rows} rows is in table ${table}: it was sent first at ${since}, and tags are relied on for ` +
      `${settings.tagLifetimeMs} ms; look for its rows, then settle it with settleBatch`,
    { context: { table } },
  )
}

function isLogError(error: unknown): boolean {
  return error instanceof KustoError && /^KUSTO_(LOG_|BAD_LOG)/.test(error.code)
}
