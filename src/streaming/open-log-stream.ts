import { randomBytes } from 'node:crypto'
import { KustoUsageError } from '../errors.ts'
import type { AcquireLogOptions, LogStore } from './log-store.ts'
import { STREAM } from './read-log.ts'
import { formatRecord, LOG_VERSION, parseRecord } from './wal-records.ts'
import type { CommitStrategy, StreamRecord } from './wal-records.ts'

/** What a log is for: each stream has a log of its own. */
export interface LogTarget {
  readonly stream: string
  readonly cluster: string
  readonly database: string
  readonly table: string
  readonly commit: CommitStrategy
}

export interface OpenLogOptions extends AcquireLogOptions {
  /** Asked before a log is made where there is none: may throw when there has been one. */
  readonly beforeCreate: () => Promise<void>
}

/**
 * The record that the log begins with; makes it where there is none. Only its owner may call this.
 * @throws {KustoUsageError} KUSTO_OTHER_STREAM for the log of another stream or table
 */
export async function openLogStream(
  store: LogStore,
  target: LogTarget,
  { beforeCreate, signal }: OpenLogOptions,
): Promise<StreamRecord> {
  const [known] = await store.list('meta', signal)
  if (known === undefined) {
    await beforeCreate()
    const record: StreamRecord = {
      kind: 'stream',
      version: LOG_VERSION,
      ...target,
      incarnation: randomBytes(5).toString('base64url').replaceAll(/[-_]/g, 'x').padEnd(8, '0').slice(0, 8),
      createdAt: new Date().toISOString(),
    }
    if (await store.create(STREAM, [formatRecord(record)], signal)) return record
  }
  const found = parseRecord('stream', await store.read(STREAM, signal), STREAM)
  for (const name of ['stream', 'cluster', 'database', 'table', 'commit'] as const) {
    if (found[name] === target[name]) continue
    throw new KustoUsageError(
      'KUSTO_OTHER_STREAM',
      `expected the log in ${store.place} to be one of ${name} ${target[name]}, found ${found[name]}: each stream has a log of its own`,
    )
  }
  return found
}
