import { badOption, oneOf, wholeNumber } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import type { WriteSettings } from '../sink/write-settings.ts'
import type { LogStore } from './log-store.ts'
import type { CommitStrategy } from './wal-records.ts'

/** What writing exactly once needs beyond the options of any writer. */
export interface ExactlyOnceOptions {
  /** Where the write-ahead log is: `fileLog(folder)` or `blobLog(...)`. One stream, one log. */
  readonly log: LogStore
  /** Name of the stream, when several feed the table: one for each source or partition. Default `default`. */
  readonly stream?: string
  /**
   * `tag` (default): each batch carries an `ingest-by:` tag, and the service skips it when the tag is there. `staging-table`: each
   * batch is loaded into a hidden table of its own, counted, and moved at once; needs Table Admin, leaves no tags, and does not
   * depend on how long tags are kept.
   */
  readonly commit?: CommitStrategy
  /**
   * When rows count as written: `staged`, once the log has them (default for a log that survives this machine), or `committed`,
   * once the table has (default otherwise).
   */
  readonly acknowledge?: 'staged' | 'committed'
  /** Become the log's owner although another writer seems to be alive. Default false. */
  readonly takeOver?: boolean
  /** Begin a new log although the table has tags of an earlier one, whose rows may then be written again. Default false. */
  readonly reset?: boolean
  /** How long a submission without answer is waited for before it is made again. Default 900,000 (15 minutes). */
  readonly inDoubtMs?: number
  /**
   * How long tags surely stay in the table, in milliseconds. A batch in doubt for longer is not submitted again: the writer
   * stops. Default 604,800,000 (7 days).
   */
  readonly tagLifetimeMs?: number
  /** How long a batch may take from the queue into the table, before the writer stops. Default 3,600,000. */
  readonly completionTimeoutMs?: number
}

export interface ExactlyOnceSettings {
  readonly log: LogStore
  readonly stream: string
  readonly commit: CommitStrategy
  readonly acknowledge: 'staged' | 'committed'
  readonly takeOver: boolean
  readonly reset: boolean
  readonly inDoubtMs: number
  readonly tagLifetimeMs: number
  readonly completionTimeoutMs: number
}

const YEAR_MS = 31_536_000_000

/** @throws {KustoUsageError} KUSTO_BAD_OPTION */
export function exactlyOnceSettings(options: ExactlyOnceOptions): ExactlyOnceSettings {
  const { log, stream = 'default', takeOver = false, reset = false } = options
  if (typeof log !== 'object' || typeof log.create !== 'function') {
    throw badOption("expected a log with delivery 'exactly-once': fileLog(folder) or blobLog(...)")
  }
  if (!/^[\w.-]{1,100}$/.test(stream)) {
    throw badOption('expected stream to be a name of 1 to 100 letters, digits, dots and dashes')
  }
  const inDoubtMs = wholeNumber('inDoubtMs', options.inDoubtMs ?? 900_000, YEAR_MS)
  return {
    log,
    stream,
    commit: oneOf('commit', options.commit ?? 'tag', ['tag', 'staging-table']),
    acknowledge: oneOf('acknowledge', options.acknowledge ?? (log.isReplicated ? 'staged' : 'committed'), [
      'staged',
      'committed',
    ]),
    takeOver,
    reset,
    inDoubtMs,
    tagLifetimeMs: wholeNumber('tagLifetimeMs', options.tagLifetimeMs ?? 604_800_000, YEAR_MS),
    completionTimeoutMs: wholeNumber('completionTimeoutMs', options.completionTimeoutMs ?? 3_600_000, YEAR_MS),
  }
}

/**
 * Refuses options with which rows could come twice or not at all.
 * @throws {KustoUsageError} KUSTO_NOT_EXACTLY_ONCE, with the reason
 */
export function refuseUnsafe(
  write: Pick<WriteSettings, 'mode' | 'creationTime' | 'ingestIfNotExists' | 'deduplicateBlobs'>,
  { commit, tagLifetimeMs }: ExactlyOnceSettings,
  nowMs: number,
): void {
  if (write.mode !== 'queued') throw unsafe(`mode ${write.mode}`, 'batches are queued, each with a tag of its own')
  if (write.ingestIfNotExists.length > 0 || write.deduplicateBlobs !== false) {
    throw unsafe('ingestIfNotExists or deduplicateBlobs', 'the log gives each batch its tag')
  }
  const { creationTime } = write
  if (commit === 'tag' && creationTime !== undefined && nowMs - creationTime.getTime() > tagLifetimeMs) {
    throw unsafe(
      'such an old creationTime',
      "retention of tags counts from it and could remove them at once; use commit 'staging-table'",
    )
  }
}

export function unsafe(found: string, reason: string): KustoUsageError {
  return new KustoUsageError(
    'KUSTO_NOT_EXACTLY_ONCE',
    `expected options that can write exactly once, found ${found}: ${reason}`,
  )
}
