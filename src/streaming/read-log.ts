import type { ResumePoint } from './batch-sink.ts'
import { KustoProtocolError } from '../errors.ts'
import { numberOf } from './log-store.ts'
import type { LogStore } from './log-store.ts'
import { parseRecord } from './wal-records.ts'
import type { EntryRecord, IntentRecord, LogRecord, MoveRecord, SentRecord, StreamRecord } from './wal-records.ts'

/** Name of the record that the log begins with. */
export const STREAM: string = 'meta/stream'

/** An attempt at submitting a batch, as far as the log knows. */
export interface LoggedAttempt {
  readonly intent: IntentRecord
  readonly sent: SentRecord | undefined
}

/** A batch that is staged and not forgotten, and all that was tried with it, in order. */
export interface UnsettledBatch {
  readonly entry: EntryRecord
  readonly attempts: readonly LoggedAttempt[]
  readonly move: MoveRecord | undefined
}

/** What a log says. */
export interface Scan {
  readonly mark: number
  readonly next: number
  /** Those that have an outcome already. */
  readonly settled: readonly UnsettledBatch[]
  readonly unsettled: readonly UnsettledBatch[]
  readonly staged: ReadonlySet<string>
  readonly resume: ResumePoint | undefined
}

/** What the records say; what is at or behind the mark is settled, whatever else is said of it. */
export async function scan(store: LogStore, signal: AbortSignal | undefined): Promise<Scan> {
  const read = async <Kind extends LogRecord['kind']>(
    kind: Kind,
    name: string,
  ): Promise<Extract<LogRecord, { readonly kind: Kind }>> => parseRecord(kind, await store.read(name, signal), name)
  const names = async (folder: string): Promise<readonly string[]> =>
    (await store.list(folder, signal)).map(({ name }) => name)
  const newestMark = (await names('marks')).at(-1)
  const markRecord = newestMark === undefined ? undefined : await read('mark', newestMark)
  const mark = markRecord?.sequence ?? -1
  const open = (name: string): boolean => numberOf(name) > mark
  const outcomes = new Set((await names('outcomes')).filter(open).map(numberOf))
  const moves = (await names('moves')).filter(open)
  const intents = (await names('intents')).filter(open)
  const settled: UnsettledBatch[] = []
  const unsettled: UnsettledBatch[] = []
  const staged = new Set<string>()
  let next = mark + 1
  let resume: ResumePoint | undefined = markRecord && pointOf(markRecord)
  for (const name of (await names('entries')).filter(open)) {
    const entry = await read('entry', name)
    if (entry.sequence !== next) {
      throw new KustoProtocolError(
        'KUSTO_BAD_LOG_RECORD',
        `${name}: expected batch ${next} after those before, found ${entry.sequence}`,
      )
    }
    next++
    resume = pointOf(entry)
    const hasOutcome = outcomes.has(entry.sequence)
    if (!hasOutcome) staged.add(entry.staged)
    const attempts: LoggedAttempt[] = []
    const own = intents.filter((each) => numberOf(each) === entry.sequence)
    for (const each of own.filter((one) => !one.endsWith('.sent'))) {
      const sent = own.includes(`${each}.sent`) ? await read('sent', `${each}.sent`) : undefined
      attempts.push({ intent: await read('intent', each), sent })
    }
    attempts.sort((a, b) => a.intent.attempt - b.intent.attempt)
    const move = moves.find((each) => numberOf(each) === entry.sequence)
    const batch = { entry, attempts, move: move === undefined ? undefined : await read('move', move) }
    ;(hasOutcome ? settled : unsettled).push(batch)
  }
  return { mark, next, settled, unsettled, staged, resume }
}

/** What is in a log, for whoever is not its owner; undefined when there is none. */
export async function readLog(
  store: LogStore,
  signal: AbortSignal | undefined,
): Promise<(Omit<Scan, 'next' | 'settled'> & { readonly stream: StreamRecord }) | undefined> {
  const [known] = await store.list('meta', signal)
  if (known === undefined) return undefined
  const stream = parseRecord('stream', await store.read(STREAM, signal), STREAM)
  return { stream, ...(await scanMoving(store, signal)) }
}

/** Scans of a log at work that are given up because it went on meanwhile. */
const MAX_SCANS = 5

/** What is read may be removed while it is read; then a mark was made before. */
async function scanMoving(store: LogStore, signal: AbortSignal | undefined): Promise<Scan> {
  for (let attempt = 1; ; attempt++) {
    const before = await newestMark(store, signal)
    try {
      return await scan(store, signal)
    } catch (error) {
      if (attempt === MAX_SCANS || (await newestMark(store, signal)) === before) throw error
    }
  }
}

/**
 * What a log says to who has become its owner. An owner before, held up since it was last told that it is one, may still mark what it had
 * settled by then and remove its records; a mark always comes before what it stands for goes. So what was read while no mark
 * came is whole: all outcomes of earlier owners that count are in it, and nothing that goes later is of another batch.
 */
export async function scanAsOwner(store: LogStore, signal: AbortSignal | undefined): Promise<Scan> {
  // Ends: each round is for a mark more, and an owner that was shut out has few left to make.
  for (;;) {
    const before = await newestMark(store, signal)
    try {
      const found = await scan(store, signal)
      if ((await newestMark(store, signal)) === before) return found
    } catch (error) {
      signal?.throwIfAborted()
      if ((await newestMark(store, signal)) === before) throw error
    }
  }
}

async function newestMark(store: LogStore, signal: AbortSignal | undefined): Promise<string | undefined> {
  return (await store.list('marks', signal)).at(-1)?.name
}

/** Where the source stands after a batch. */
export function pointOf({ position, partialRows }: Pick<EntryRecord, 'position' | 'partialRows'>): ResumePoint {
  return position === undefined ? { partialRows } : { position, partialRows }
}
