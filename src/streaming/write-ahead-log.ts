import { randomBytes } from 'node:crypto'
import type { ResumePoint } from './batch-sink.ts'
import { KustoError } from '../errors.ts'
import { removeOrphans } from './clear-log.ts'
import { LogMark } from './log-mark.ts'
import { numberedName } from './log-store.ts'
import type { LogOwnership, LogStore } from './log-store.ts'
import { openLogStream } from './open-log-stream.ts'
import type { LogTarget, OpenLogOptions } from './open-log-stream.ts'
import { scanAsOwner } from './read-log.ts'
import type { Scan, UnsettledBatch } from './read-log.ts'
import { checkStaged, measure } from './staged-rows.ts'
import type { StagedRows } from './staged-rows.ts'
import { attemptName, formatRecord, LOG_VERSION, parseRecord } from './wal-records.ts'
import type { EntryRecord, IntentRecord, MoveRecord, OutcomeRecord, SentRecord, StreamRecord } from './wal-records.ts'

/**
 * The write-ahead log of a stream, opened by its owner. Records are only made, and only by the owner: whoever finds a record in
 * its place, or a newer epoch, is the owner no longer.
 */
export class WriteAheadLog {
  readonly stream: StreamRecord
  readonly #store: LogStore
  readonly #ownership: LogOwnership
  readonly #mark: LogMark
  #nextSequence: number

  private constructor(store: LogStore, ownership: LogOwnership, opened: Scan & { readonly stream: StreamRecord }) {
    this.#store = store
    this.#ownership = ownership
    this.stream = opened.stream
    this.#mark = new LogMark(store, opened)
    this.#nextSequence = opened.next
  }

  /**
   * Becomes the owner of the log, makes it where there is none, and reads what is not settled.
   * @throws {KustoUsageError} KUSTO_LOG_IN_USE; KUSTO_OTHER_STREAM for the log of another stream or table
   * @throws {KustoProtocolError} KUSTO_BAD_LOG_RECORD
   */
  static async open(
    store: LogStore,
    target: LogTarget,
    options: OpenLogOptions,
  ): Promise<{
    readonly log: WriteAheadLog
    readonly unsettled: readonly UnsettledBatch[]
    /** Batches that have an outcome, and of which something may have been left. */
    readonly settled: readonly UnsettledBatch[]
    readonly resume: ResumePoint | undefined
  }> {
    const { signal } = options
    const ownership = await store.acquire(options)
    try {
      const stream = await openLogStream(store, target, options)
      const beganAtMs = Date.now()
      const found = await scanAsOwner(store, signal)
      const log = new WriteAheadLog(store, ownership, { stream, ...found })
      await removeOrphans(store, { ...found, beganAtMs }, signal)
      return { log, unsettled: found.unsettled, settled: found.settled, resume: found.resume }
    } catch (error) {
      await ownership.release()
      throw error
    }
  }

  get place(): string {
    return this.#store.place
  }

  get isReplicated(): boolean {
    return this.#store.isReplicated
  }

  get epoch(): number {
    return this.#ownership.epoch
  }

  /** Batches that are staged and not settled. */
  get depth(): number {
    return this.#nextSequence - this.#mark.settled
  }

  /**
   * Stages a batch: its rows first, then the entry by which it exists. Call it for one batch at a time.
   * @throws {KustoError} KUSTO_LOG_FENCED when another writer is the owner; KUSTO_LOG_CONFLICT when one that was left its entry
   */
  async append({ chunks, extension, entry }: StagedRows, signal?: AbortSignal): Promise<EntryRecord> {
    const sequence = this.#nextSequence
    const measured = measure(chunks)
    const staged = `${numberedName('staged', sequence)}-${randomBytes(6).toString('hex')}.${extension}`
    if (!(await this.#store.create(staged, measured.chunks, signal))) throw this.#conflict(staged)
    const record: EntryRecord = {
      kind: 'entry',
      version: LOG_VERSION,
      ...entry(),
      extension,
      sequence,
      staged,
      ...measured.result(),
      epoch: this.epoch,
      createdAt: now(),
    }
    await this.#ownership.verify(signal)
    const name = numberedName('entries', sequence)
    const isMade = await this.#store.create(name, [formatRecord(record)], signal)
    // A name that was used and removed is free again: whoever was away for long is told here, before anybody is.
    await this.#ownership.verify(signal)
    if (!isMade) throw this.#conflict(name)
    this.#nextSequence++
    return record
  }

  /** The encoded rows of a batch, as they were staged. @throws {KustoProtocolError} KUSTO_BAD_LOG_RECORD when they are not */
  async staged(entry: EntryRecord, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#store.read(entry.staged, signal).catch(async (error: unknown) => {
      // Whoever was shut out meanwhile misses what its successor has settled.
      await this.#ownership.verify(signal)
      throw error
    })
    checkStaged(entry, bytes)
    return bytes
  }

  /** Comes before every submission: without it none is made. */
  async intend(
    { sequence }: EntryRecord,
    { sourceId, table }: Pick<IntentRecord, 'table'> & { readonly sourceId: (attempt: number) => string },
    signal?: AbortSignal,
  ): Promise<IntentRecord> {
    for (;;) {
      const attempt = this.#mark.attemptsAt(sequence) + 1
      const record: IntentRecord = {
        kind: 'intent',
        version: LOG_VERSION,
        sequence,
        attempt,
        sourceId: sourceId(attempt),
        table,
        epoch: this.epoch,
        createdAt: now(),
      }
      const isMade = await this.#store.create(attemptName(record), [formatRecord(record)], signal)
      await this.#ownership.verify(signal)
      this.#mark.attempted(sequence, attempt)
      // A writer that was shut out meanwhile may have made it; it has found that out and sends nothing.
      if (isMade) return record
    }
  }

  async sent(
    intent: IntentRecord,
    facts: Pick<SentRecord, 'via' | 'operationId' | 'statusTable'>,
    signal?: AbortSignal,
  ): Promise<SentRecord> {
    const record: SentRecord = { kind: 'sent', version: LOG_VERSION, ...facts, createdAt: now() }
    await this.#store.create(`${attemptName(intent)}.sent`, [formatRecord(record)], signal)
    return record
  }

  /** Comes before every move of extents. */
  async intendMove(
    { sequence }: EntryRecord,
    facts: Pick<MoveRecord, 'stagingTable' | 'extents'>,
    signal?: AbortSignal,
  ): Promise<MoveRecord> {
    const record: MoveRecord = {
      kind: 'move',
      version: LOG_VERSION,
      sequence,
      ...facts,
      epoch: this.epoch,
      createdAt: now(),
    }
    const name = numberedName('moves', sequence)
    const isMade = await this.#store.create(name, [formatRecord(record)], signal)
    await this.#ownership.verify(signal)
    if (isMade) return record
    // One that was made by a writer that is shut out by now, and that it did not act upon, serves as well.
    const found = parseRecord('move', await this.#store.read(name, signal), name)
    if (idsOf(found) !== idsOf(record)) throw this.#conflict(name)
    return found
  }

  /** The batch is settled, once and for all: `note` and `forget`. */
  async settle(
    entry: EntryRecord,
    facts: Pick<OutcomeRecord, 'outcome' | 'evidence'>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.note(entry, facts, signal)
    await this.forget(entry, signal)
  }

  /** The outcome is durable when this returns, and nobody brings the batch again. */
  async note(
    entry: EntryRecord,
    facts: Pick<OutcomeRecord, 'outcome' | 'evidence'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { sequence, rows } = entry
    const record: OutcomeRecord = {
      kind: 'outcome',
      version: LOG_VERSION,
      sequence,
      ...facts,
      rows,
      epoch: this.epoch,
      createdAt: now(),
    }
    // One that is there already tells the same: a batch has one end.
    await this.#store.create(numberedName('outcomes', sequence), [formatRecord(record)], signal)
    await this.#ownership.verify(signal)
  }

  /** Removes what was kept for a batch whose outcome is noted. */
  async forget(entry: EntryRecord, signal?: AbortSignal): Promise<void> {
    await this.#mark.forget(entry, signal)
  }

  /** @throws {KustoError} KUSTO_LOG_FENCED */
  async verify(signal?: AbortSignal): Promise<void> {
    await this.#ownership.verify(signal)
  }

  async release(): Promise<void> {
    await this.#ownership.release()
  }

  /** Another writer was here, between our beginning and its finding out that it is the owner no longer. */
  #conflict(name: string): KustoError {
    return new KustoError(
      'KUSTO_LOG_CONFLICT',
      `expected ${name} to be free in the log in ${this.place}, found it made by a writer that was shut out since: open the writer again`,
    )
  }
}

function idsOf({ extents }: MoveRecord): string {
  return extents
    .map(({ id }) => id)
    .sort()
    .join()
}

function now(): string {
  return new Date().toISOString()
}
