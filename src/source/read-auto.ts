import type { RecordBatch } from 'apache-arrow'
import { isLimitError } from '../protocol/limit-error.ts'
import type { BatchStream } from '../arrow/batches.ts'
import { describeEstimate, estimateRows } from './estimate-rows.ts'
import { REMOVAL_WAIT_MS } from './export-storage-sweep.ts'
import { openExport, planKey } from './export-cached.ts'
import type { ReadSettings } from './read-settings.ts'
import { openSingle } from './read-single.ts'
import type { AnswerStream } from './read-single.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'

/** A read that has begun; disposing it removes what it made. */
export interface OpenedRead extends BatchStream, AsyncDisposable {}

/** Which way an `auto` read begins, and why. */
export interface ModeDecision {
  readonly mode: 'single' | 'distributed'
  readonly reason: string
}

/** Decides without running the query, but with a bounded count if the settings ask for one. */
export async function decideMode(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<ModeDecision> {
  const { mode, cache, estimate, exportAboveRows } = settings
  if (mode !== 'auto') return { mode, reason: 'as asked' }
  if (cache !== undefined && context.exportCache.has(planKey(source, settings))) {
    return { mode: 'distributed', reason: 'an export of the same plan is kept' }
  }
  if (estimate === 'none') return { mode: 'single', reason: 'one query first, without an estimate' }
  const startedAt = performance.now()
  const rows = await estimateRows(context, source, settings)
  settings.onEvent({ kind: 'estimate', estimate: rows, elapsedMs: performance.now() - startedAt })
  const reason = describeEstimate(rows)
  if (rows.kind === 'more-than') return { mode: 'distributed', reason: `${reason}, which is more than a query carries` }
  return { mode: 'single', reason: rows.kind === 'counted' ? `${reason} of at most ${exportAboveRows}` : reason }
}

/**
 * One query first; an export when the service says that the result passes its limits. Batches are held back until the
 * answer has ended well, so that no row is delivered twice (docs/adr/0004). When `maxHeldBytes` are held the mode is
 * settled as single and they flow. With `fallback: 'never'` nothing is held back.
 */
export async function openAuto(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<OpenedRead> {
  const decision = await decideMode(context, source, settings)
  const { fallback, onEvent } = settings
  if (decision.mode === 'distributed') {
    onEvent({ kind: 'mode', ...decision })
    return openDistributedRead(context, source, settings)
  }
  if (fallback === 'never') {
    onEvent({ kind: 'mode', ...decision, reason: `${decision.reason}; fallback is never` })
    return openSingleRead(context, source, settings)
  }
  // The events of batches are sent when they are delivered, not when they are held.
  const quiet: ReadSettings = {
    ...settings,
    onEvent: (event) => void (event.kind !== 'batch' && settings.onEvent(event)),
  }
  let stream: AnswerStream | undefined
  try {
    stream = await openSingle(context, source, quiet)
    const { held, rest, heldBytes } = await hold(stream, settings.maxHeldBytes)
    const reason =
      rest === undefined
        ? 'the whole result fits the limits of one query'
        : `${heldBytes} bytes are held back and the limits of one query are lifted`
    onEvent({ kind: 'mode', mode: 'single', reason })
    return {
      schema: stream.schema,
      batches: deliver(held, rest, settings),
      [Symbol.asyncDispose]: stream.close,
    }
  } catch (error) {
    await stream?.close()
    if (!isLimitError(error)) throw error
    onEvent({ kind: 'mode', mode: 'distributed', reason: `one query does not carry the result: ${error.message}` })
    return openDistributedRead(context, source, settings)
  }
}

/** One query; its batches flow as they come. Disposing it ends the query, also when no batch was asked for. */
export async function openSingleRead(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<OpenedRead> {
  const { schema, batches, close } = await openSingle(context, source, settings)
  return { schema, batches, [Symbol.asyncDispose]: close }
}

/** An export and the batches of its blobs. Once these failed, the removal of the blobs is waited for no longer than a while. */
export async function openDistributedRead(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<OpenedRead> {
  const read = await openExport(context, source, settings)
  let limitMs = Infinity
  async function* batches(): AsyncGenerator<RecordBatch> {
    try {
      yield* read.batches()
    } catch (error) {
      limitMs = REMOVAL_WAIT_MS
      throw error
    }
  }
  return {
    schema: read.schema,
    batches: batches(),
    [Symbol.asyncDispose]: () => read.release(settings.signal, limitMs),
  }
}

interface Held {
  readonly held: readonly RecordBatch[]
  readonly heldBytes: number
  /** What is still to come, when the budget was full before the end. */
  readonly rest: AsyncIterator<RecordBatch> | undefined
}

async function hold(stream: BatchStream, maxHeldBytes: number): Promise<Held> {
  const held: RecordBatch[] = []
  const rest = stream.batches[Symbol.asyncIterator]()
  let heldBytes = 0
  while (heldBytes < maxHeldBytes) {
    const next = await rest.next()
    if (next.done === true) return { held, heldBytes, rest: undefined }
    held.push(next.value)
    heldBytes += next.value.data.byteLength
  }
  return { held, heldBytes, rest }
}

async function* deliver(
  held: readonly RecordBatch[],
  rest: AsyncIterator<RecordBatch> | undefined,
  { onEvent }: ReadSettings,
): AsyncGenerator<RecordBatch> {
  for (const batch of held) {
    onEvent({ kind: 'batch', rows: batch.numRows })
    yield batch
  }
  for (;;) {
    const next = await rest?.next()
    if (next === undefined || next.done === true) return
    onEvent({ kind: 'batch', rows: next.value.numRows })
    yield next.value
  }
}
