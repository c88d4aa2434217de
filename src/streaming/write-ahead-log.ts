import { createHash, randomBytes } from 'node:crypto'
import type { ResumePoint } from './batch-sink.ts'
import { KustoError, KustoProtocolError, KustoUsageError } from '../errors.ts'
import { numberOf, numberedName } from './log-store.ts'
import { pointOf, scan, STREAM } from './read-log.ts'
import type { UnsettledBatch } from './read-log.ts'
import type { AcquireLogOptions, LogOwnership, LogStore } from './log-store.ts'
import { formatRecord, LOG_VERSION, parseRecord } from './wal-records.ts'
import type {
  CommitStrategy,
  EntryRecord,
  IntentRecord,
  MarkRecord,
  MoveRecord,
  OutcomeRecord,
  SentRecord,
  StreamRecord,
} from './wal-records.ts'

export interface StreamTarget {
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

/** What a batch is before it gets its place in the log. */
export type NewEntry = Pick<EntryRecord, 'rows' | 'rawBytes' | 'properties' | 'schema' | 'position' | 'partialRows'>

export interface StagedRows {
  readonly chunks: AsyncIterable<Uint8Array>
  /** `csv.gz`, `parquet`. */
  readonly extension: string
  /** Asked once the chunks are consumed. */
  readonly entry: () => NewEntry
}

/** An object without entry that is younger may belong to a writer that is about to make one. */
const ORPHAN_AGE_MS = 3_600_000

/**
 * The write-ahead log of a stream, opened by its owner. Records are only made, and only by the owner: whoever finds a record in
 * its place, or a newer epoch, is the owner no longer.
 */
export class WriteAheadLog {
  readonly stream: StreamRecord
  readonly #store: LogStore
  readonly #ownership: LogOwnership
  #nextSequence: number
  #mark: number
  /** Settled batches after the mark, with the point each stands for. */
  readonly #settled = new Map<number, ResumePoint>()
  readonly #attempts = new Map<number, number>()

  private constructor(
    store: LogStore,
    ownership: LogOwnership,
    opened: { stream: StreamRecord; mark: number; next: number },
  ) {
    this.#store = store
    this.#ownership = ownership
    this.stream = opened.stream
    this.#mark = opened.mark
    this.#nextSequence = opened.next
  }

  /**
   * Becomes the owner of the log, makes it where there is none, and reads what is not settled.
   * @throws {KustoUsageError} KUSTO_LOG_IN_USE; KUSTO_OTHER_STREAM for the log of another stream or table
   * @throws {KustoProtocolError} KUSTO_BAD_LOG_RECORD
   */
  static async open(
    store: LogStore,
    target: StreamTarget,
    options: OpenLogOptions,
  ): Promise<{
    readonly log: WriteAheadLog
    readonly unsettled: readonly UnsettledBatch[]
    readonly resume: ResumePoint | undefined
  }> {
    const { signal } = options
    const ownership = await store.acquire(options)
    try {
      const stream = await openStream(store, target, options)
      const found = await scan(store, signal)
      const log = new WriteAheadLog(store, ownership, { stream, ...found })
      for (const { sequence, point } of found.settled) log.#settled.set(sequence, point)
      for (const { entry, attempts } of found.unsettled) log.#attempts.set(entry.sequence, attempts.length)
      await log.#collect(found.staged, signal)
      return { log, unsettled: found.unsettled, resume: found.resume }
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
    return this.#nextSequence - 1 - this.#mark - this.#settled.size
  }

  /**
   * Stages a batch: its rows first, then the entry by which it exists. Call it for one batch at a time.
   * @throws {KustoError} KUSTO_LOG_FENCED when another writer is the owner; KUSTO_LOG_CONFLICT when one that was left its entry
   */
  async append({ chunks, extension, entry }: StagedRows, signal?: AbortSignal): Promise<EntryRecord> {
    const sequence = this.#nextSequence
    const hash = createHash('sha256')
    let encodedBytes = 0
    async function* measured(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        hash.update(chunk)
        encodedBytes += chunk.length
        yield chunk
      }
    }
    const staged = `${numberedName('staged', sequence)}-${randomBytes(6).toString('hex')}.${extension}`
    if (!(await this.#store.create(staged, measured(), signal))) throw this.#conflict(staged)
    const record: EntryRecord = {
      kind: 'entry',
      version: LOG_VERSION,
      ...entry(),
      extension,
      sequence,
      staged,
      encodedBytes,
      sha256: hash.digest('hex'),
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
  async staged({ staged, sha256 }: EntryRecord, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.#store.read(staged, signal).catch(async (error: unknown) => {
      // Whoever was shut out meanwhile misses what its successor has settled.
      await this.#ownership.verify(signal)
      throw error
    })
    if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes
    throw new KustoProtocolError('KUSTO_BAD_LOG_RECORD', `${staged}: expected the bytes that were staged, found others`)
  }

  /** Comes before every submission: without it none is made. */
  async intend(
    { sequence }: EntryRecord,
    { sourceId, table }: Pick<IntentRecord, 'table'> & { readonly sourceId: (attempt: number) => string },
    signal?: AbortSignal,
  ): Promise<IntentRecord> {
    for (;;) {
      const attempt = (this.#attempts.get(sequence) ?? 0) + 1
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
      this.#attempts.set(sequence, attempt)
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

  /** The batch is settled, once and for all; then what was kept for it is removed. */
  async settle(
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
    this.#settled.set(sequence, pointOf(entry))
    await this.#store.remove(entry.staged, signal)
    await this.#advance(signal)
  }

  /** @throws {KustoError} KUSTO_LOG_FENCED */
  async verify(signal?: AbortSignal): Promise<void> {
    await this.#ownership.verify(signal)
  }

  async release(): Promise<void> {
    await this.#ownership.release()
  }

  /** Marks how far all batches are settled, and removes the records before. The last mark tells where the source stood. */
  async #advance(signal: AbortSignal | undefined): Promise<void> {
    const before = this.#mark
    let point: ResumePoint | undefined
    for (;;) {
      const next = this.#settled.get(this.#mark + 1)
      if (next === undefined) break
      point = next
      this.#settled.delete(++this.#mark)
    }
    if (point === undefined) return
    const sequence = this.#mark
    const record: MarkRecord = { kind: 'mark', version: LOG_VERSION, sequence, ...point, createdAt: now() }
    // Two that settle at a time may pass each other here; the mark that is further counts.
    await this.#store.create(numberedName('marks', sequence), [formatRecord(record)], signal)
    for (let settled = before + 1; settled <= sequence; settled++) await this.#forget(settled, signal)
    if (before >= 0) await this.#store.remove(numberedName('marks', before), signal)
  }

  /** What is behind the mark is of no use. */
  async #forget(sequence: number, signal: AbortSignal | undefined): Promise<void> {
    const attempts = this.#attempts.get(sequence) ?? 0
    this.#attempts.delete(sequence)
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const name = attemptName({ sequence, attempt })
      for (const each of [`${name}.sent`, name]) await this.#store.remove(each, signal)
    }
    for (const folder of ['moves', 'entries', 'outcomes']) {
      await this.#store.remove(numberedName(folder, sequence), signal)
    }
  }

  /** Removes rows that no entry names and none will, and records of batches that are behind the mark. */
  async #collect(named: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<void> {
    const oldest = Date.now() - ORPHAN_AGE_MS
    for (const { name, createdAtMs } of await this.#store.list('staged', signal)) {
      // Of a number that is taken, or so old that whoever staged it is gone.
      const isOfNoUse = numberOf(name) < this.#nextSequence || createdAtMs < oldest
      if (isOfNoUse && !named.has(name)) await this.#store.remove(name, signal)
    }
    await removeSettled(this.#store, this.#mark, signal)
  }

  /** Another writer was here, between our beginning and its finding out that it is the owner no longer. */
  #conflict(name: string): KustoError {
    return new KustoError(
      'KUSTO_LOG_CONFLICT',
      `expected ${name} to be free in the log in ${this.place}, found it made by a writer that was shut out since: open the writer again`,
    )
  }
}

async function openStream(
  store: LogStore,
  target: StreamTarget,
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
      createdAt: now(),
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

/** Records at or behind the mark, and all marks but the last. */
async function removeSettled(store: LogStore, mark: number, signal: AbortSignal | undefined): Promise<void> {
  for (const folder of ['intents', 'moves', 'entries', 'outcomes', 'marks']) {
    const last = folder === 'marks' ? mark - 1 : mark
    for (const { name } of await store.list(folder, signal)) {
      if (numberOf(name) <= last) await store.remove(name, signal)
    }
  }
}

function idsOf({ extents }: MoveRecord): string {
  return extents
    .map(({ id }) => id)
    .sort()
    .join()
}

function attemptName({ sequence, attempt }: Pick<IntentRecord, 'sequence' | 'attempt'>): string {
  return numberedName('intents', sequence, `-${String(attempt).padStart(4, '0')}`)
}

function now(): string {
  return new Date().toISOString()
}
