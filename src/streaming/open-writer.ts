import { wholeNumber } from '../base/check-options.ts'
import { writeSettings } from '../sink/write-settings.ts'
import type { ResumePoint } from './batch-sink.ts'
import { unsafe } from './exactly-once-settings.ts'
import { ExactlyOnceSink } from './exactly-once-sink.ts'
import { KustoWriter } from './kusto-writer.ts'
import type { FlushedRows, WriterBehaviour } from './kusto-writer.ts'
import { QueuedBatchSink } from './queued-batch-sink.ts'
import { StreamingBatchSink } from './streaming-batch-sink.ts'
import type { StreamingContext } from './streaming-context.ts'
import { feed } from './write-stream.ts'
import type { StreamSource } from './write-stream.ts'
import { writerSettings } from './writer-settings.ts'
import type { WriterOptions } from './writer-settings.ts'

/** How `writeStream` reads its source. */
export interface StreamReadOptions<Item = unknown> {
  /** Where the source stands after an element, its 0-based number given; the position that `onAck` gets. Default: none. */
  readonly positionOf?: (item: Item, index: number) => unknown
  /** Rows that come one by one are taken together, this many at most. Default 1,000. */
  readonly rowsAtOnce?: number
  /** And they wait for each other this long at most, in milliseconds. Default 100. */
  readonly waitMs?: number
}

/** Options of `writeStream`: those of a writer, and how the source is read. */
export type WriteStreamOptions<Item = unknown> = WriterOptions & StreamReadOptions<Item>

/** A source, or what makes one that goes on from where an earlier writer stopped: needed for `exactly-once`. */
export type ResumableSource<Item> = StreamSource<Item> | ((resume: ResumePoint | undefined) => StreamSource<Item>)

/** A writer to a table, nothing asked of the service yet. */
export function openWriter(
  context: StreamingContext,
  table: string,
  options: WriterOptions,
  behaviour: WriterBehaviour = {},
): KustoWriter {
  const { writer, write, exactlyOnce, streaming } = writerSettings(options)
  const { inferRows } = streaming ?? write
  const settings = { ...writer, inferRows, warn: (message: string) => context.sink.log.warning(message), ...behaviour }
  if (streaming !== undefined) {
    return new KustoWriter(table, new StreamingBatchSink(context, table, { write: streaming, writer }), settings)
  }
  const queued = { write: writeSettings({ ...write, onEvent: writer.onEvent }), writer }
  const sink =
    exactlyOnce === undefined
      ? new QueuedBatchSink(context.sink, table, queued)
      : new ExactlyOnceSink(context.sink, table, { ...queued, settings: exactlyOnce })
  return new KustoWriter(table, sink, settings)
}

/** Writes a source to its end: see `feed`. */
export async function writeStream<Item>(
  context: StreamingContext,
  { table, source }: { readonly table: string; readonly source: ResumableSource<Item> },
  options: WriteStreamOptions<Item>,
): Promise<FlushedRows> {
  const { positionOf, rowsAtOnce, waitMs, ...writing } = options
  const reading = {
    positionOf: positionOf as ((item: never, index: number) => unknown) | undefined,
    rowsAtOnce: wholeNumber('rowsAtOnce', rowsAtOnce ?? 1_000, 1_000_000),
    waitMs: wholeNumber('waitMs', waitMs ?? 100, 60_000),
    signal: options.signal,
  }
  const writer = openWriter(context, table, writing)
  const resume = await writer.open()
  try {
    return await feed(writer, sourceFrom(source, resume), reading)
  } catch (error) {
    // The first failure is the one to tell; one of letting go is in the log.
    await writer.abort(error).catch(() => undefined)
    throw error
  }
}

/** @throws {KustoUsageError} KUSTO_NOT_EXACTLY_ONCE for a source that would give rows again that are written */
function sourceFrom<Item>(source: ResumableSource<Item>, resume: ResumePoint | undefined): StreamSource<Item> {
  if (typeof source === 'function') return source(resume)
  if (resume?.position === undefined) return source
  throw unsafe(
    'a source that cannot go on',
    `rows up to position ${JSON.stringify(resume.position)} are written: give a function that makes it from there`,
  )
}
