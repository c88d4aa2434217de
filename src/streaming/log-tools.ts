import { KustoUsageError } from '../errors.ts'
import type { LogStore } from './log-store.ts'
import type { ResumePoint } from './batch-sink.ts'
import type { StreamRecord } from './wal-records.ts'
import { batchTag } from './wal-records.ts'
import { readLog } from './read-log.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

/** A batch that is in the log and, as far as that tells, not in the table. */
export interface UnsettledBatchInfo {
  readonly sequence: number
  readonly rows: number
  /** By which its extents are found: `.show table T extents where tags has 'ingest-by:<tag>'`. */
  readonly tag: string
  readonly createdAt: string
  /** When it was sent, and what the service's word for that was. */
  readonly attempts: readonly { readonly at: string; readonly sourceId: string; readonly operationId?: string }[]
  /** Extents that were about to be moved. */
  readonly movingExtents: readonly string[]
}

/** What a log says. */
export interface LogInfo {
  readonly stream: Pick<
    StreamRecord,
    'stream' | 'cluster' | 'database' | 'table' | 'commit' | 'incarnation' | 'createdAt'
  >
  /** Where the source goes on; undefined for a log without batches. */
  readonly resume: ResumePoint | undefined
  /** All batches up to this one are settled; -1 for none. */
  readonly settledUpTo: number
  readonly unsettled: readonly UnsettledBatchInfo[]
  /** Bytes of staged rows that no batch names: a writer that was ended left them, and the next one removes them by age. */
  readonly orphans: number
}

/**
 * Reads a log without becoming its owner; while a writer is at work it may be a little behind.
 * @throws {KustoUsageError} KUSTO_LOG_EMPTY when there is no log
 * @throws {KustoProtocolError} KUSTO_BAD_LOG_RECORD for damage, and for a log of another version
 */
export async function inspectLog(log: LogStore, options: { readonly signal?: AbortSignal } = {}): Promise<LogInfo> {
  const found = await readLog(log, options.signal)
  if (found === undefined) throw empty(log)
  const { stream, mark, resume, unsettled, staged } = found
  const objects = await log.list('staged', options.signal)
  return {
    stream,
    resume,
    settledUpTo: mark,
    unsettled: unsettled.map(({ entry, attempts, move }) => ({
      sequence: entry.sequence,
      rows: entry.rows,
      tag: batchTag(stream, entry.sequence),
      createdAt: entry.createdAt,
      attempts: attempts.map(({ intent, sent }) => ({
        at: intent.createdAt,
        sourceId: intent.sourceId,
        ...(sent?.operationId === undefined ? {} : { operationId: sent.operationId }),
      })),
      movingExtents: move?.extents.map(({ id }) => id) ?? [],
    })),
    orphans: objects.filter(({ name }) => !staged.has(name)).length,
  }
}

/**
 * Settles a batch by hand, after somebody has looked: `committed` when its rows are in the table, `skipped` to give them up. The
 * log must not be in use. To have it sent again, take the tag from its extents, if there are any, and open a writer.
 * @throws {KustoUsageError} KUSTO_LOG_EMPTY, KUSTO_LOG_IN_USE; KUSTO_NO_SUCH_BATCH for one that is settled or not there
 */
export async function settleBatch(
  log: LogStore,
  sequence: number,
  outcome: 'committed' | 'skipped',
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const found = await readLog(log, options.signal)
  if (found === undefined) throw empty(log)
  const opened = await WriteAheadLog.open(log, found.stream, {
    ...options,
    beforeCreate: () => Promise.reject(empty(log)),
  })
  try {
    const batch = opened.unsettled.find(({ entry }) => entry.sequence === sequence)
    if (batch === undefined) {
      const open = opened.unsettled.map(({ entry }) => entry.sequence).join(', ')
      throw new KustoUsageError(
        'KUSTO_NO_SUCH_BATCH',
        `expected batch ${sequence} to be unsettled in the log in ${log.place}, found ${open === '' ? 'none' : open}`,
      )
    }
    await opened.log.settle(batch.entry, { outcome, evidence: 'by hand' }, options.signal)
  } finally {
    await opened.log.release()
  }
}

function empty(log: LogStore): KustoUsageError {
  return new KustoUsageError('KUSTO_LOG_EMPTY', `expected a log in ${log.place}, found none`)
}
