import { isRecordBatch, isTable } from '../arrow/arrow-kinds.ts'
import type { BatchItem, RowInput } from '../arrow/batches.ts'
import { AbortScope, untilAborted } from '../base/abort.ts'
import type { FlushedRows, KustoWriter } from './kusto-writer.ts'
import type { WriterInput } from './writer-intake.ts'

/** What comes in order and may have no end: an async iterable, a Web or a Node stream, or an iterable. */
export type StreamSource<Item = BatchItem> = AsyncIterable<Item> | Iterable<Item> | ReadableStream<Item>

export interface StreamFeed {
  /** Where the source stands after an element; given back to `onAck`. */
  readonly positionOf: ((item: never, index: number) => unknown) | undefined
  /** Rows that come one by one are taken together, this many at most. */
  readonly rowsAtOnce: number
  /** And for this long at most. */
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * Writes a source to its end, no faster than memory allows, and closes the writer. When the source fails, or the writer does,
 * the source is ended, nothing that was not sent yet is sent, and the error goes to the caller: what was acknowledged is
 * written, the rest is not or, at most, in flight.
 */
export async function feed(
  writer: KustoWriter,
  source: StreamSource<unknown>,
  options: StreamFeed,
): Promise<FlushedRows> {
  const items = iteratorOf(source)
  using scope = new AbortScope(options.signal)
  // There is no use in reading on when the writer has failed.
  writer.closed.catch((error: unknown) => scope.abort(error))
  try {
    for await (const chunk of chunks(items, { ...options, signal: scope.signal })) {
      await writer.write(chunk.data, 'position' in chunk ? { position: chunk.position } : {})
    }
    return await writer.close()
  } catch (error) {
    // The first failure is the one to tell; one of letting go is in the log.
    await writer.abort(error).catch(() => undefined)
    throw error
  }
}

interface Chunk {
  readonly data: WriterInput
  readonly position?: unknown
}

type Next = IteratorResult<unknown> | 'late'

/** Batches and tables as they come; rows gathered, so that one row is not one batch. A slow source holds no row back for long. */
async function* chunks(
  items: AsyncIterator<unknown> | Iterator<unknown>,
  { positionOf, rowsAtOnce, waitMs, signal }: StreamFeed,
): AsyncGenerator<Chunk> {
  let rows: RowInput[] = []
  let last: { item: unknown; index: number } | undefined
  const chunkOf = (data: WriterInput, at: { item: unknown; index: number }): Chunk =>
    positionOf === undefined ? { data } : { data, position: positionOf(at.item as never, at.index) }
  const gathered = (): Chunk | undefined => {
    if (last === undefined || rows.length === 0) return undefined
    const chunk = chunkOf(rows, last)
    rows = []
    return chunk
  }
  let pending: Promise<IteratorResult<unknown>> | undefined
  let ended = false
  try {
    for (let index = 0; ;) {
      pending ??= Promise.resolve(items.next())
      const next = await nextOrLate(pending, rows.length > 0 ? waitMs : undefined, signal)
      if (next === 'late') {
        const chunk = gathered()
        if (chunk !== undefined) yield chunk
        continue
      }
      pending = undefined
      if (next.done === true) {
        ended = true
        const chunk = gathered()
        if (chunk !== undefined) yield chunk
        return
      }
      const item = next.value
      if (isWhole(item)) {
        const before = gathered()
        if (before !== undefined) yield before
        yield chunkOf(item, { item, index })
      } else {
        rows.push(item as RowInput)
        last = { item, index }
        if (rows.length >= rowsAtOnce) {
          const chunk = gathered()
          if (chunk !== undefined) yield chunk
        }
      }
      index++
    }
  } finally {
    if (!ended) await endSource(items, pending)
  }
}

/** The next element, or `late` when rows have waited for it long enough. */
async function nextOrLate(
  pending: Promise<IteratorResult<unknown>>,
  waitMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Next> {
  if (waitMs === undefined) return untilAborted(pending, signal)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((tell) => {
    timer = setTimeout(() => tell('late'), waitMs)
  })
  try {
    return await untilAborted(Promise.race<Next>([pending, late]), signal)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A source in the middle of a read may never answer: it is told to end, and not waited for. What it throws while it ends is
 * not told: it is ended because of another failure.
 */
async function endSource(
  items: AsyncIterator<unknown> | Iterator<unknown>,
  pending: Promise<unknown> | undefined,
): Promise<void> {
  pending?.catch(() => undefined)
  const ending = (async () => items.return?.())().catch(() => undefined)
  if (pending === undefined || isSync(items)) await ending
}

function isSync(items: AsyncIterator<unknown> | Iterator<unknown>): boolean {
  return Symbol.iterator in items && !(Symbol.asyncIterator in items)
}

function isWhole(item: unknown): item is Exclude<WriterInput, RowInput> {
  return isRecordBatch(item) || isTable(item) || item instanceof Uint8Array || Array.isArray(item)
}

function iteratorOf(source: StreamSource<unknown>): AsyncIterator<unknown> | Iterator<unknown> {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]()
  return (source as Iterable<unknown>)[Symbol.iterator]()
}
