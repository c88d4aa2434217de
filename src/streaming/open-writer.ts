import { wholeNumber } from '../base/check-options.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import { KustoWriter } from './kusto-writer.ts'
import type { FlushedRows } from './kusto-writer.ts'
import { QueuedBatchSink } from './queued-batch-sink.ts'
import { feed } from './write-stream.ts'
import type { StreamSource } from './write-stream.ts'
import { writerSettings } from './writer-settings.ts'
import type { WriterOptions } from './writer-settings.ts'

/** Options of `writeStream`: those of a writer, and how the source is read. */
export interface WriteStreamOptions<Item = unknown> extends WriterOptions {
  /** Where the source stands after an element, its 0-based number given; the position that `onAck` gets. Default: none. */
  readonly positionOf?: (item: Item, index: number) => unknown
  /** Rows that come one by one are taken together, this many at most. Default 1,000. */
  readonly rowsAtOnce?: number
  /** And they wait for each other this long at most, in milliseconds. Default 100. */
  readonly waitMs?: number
}

/** A writer to a table, nothing asked of the service yet. */
export function openWriter(context: SinkContext, table: string, options: WriterOptions): KustoWriter {
  const { writer, write } = writerSettings(options)
  return new KustoWriter(table, new QueuedBatchSink(context, table, { write, writer }), writer)
}

/** Writes a source to its end: see `feed`. */
export async function writeStream<Item>(
  context: SinkContext,
  { table, source }: { readonly table: string; readonly source: StreamSource<Item> },
  { positionOf, rowsAtOnce, waitMs, ...options }: WriteStreamOptions<Item>,
): Promise<FlushedRows> {
  const settings = {
    positionOf: positionOf as ((item: never, index: number) => unknown) | undefined,
    rowsAtOnce: wholeNumber('rowsAtOnce', rowsAtOnce ?? 1_000, 1_000_000),
    waitMs: wholeNumber('waitMs', waitMs ?? 100, 60_000),
    signal: options.signal,
  }
  return feed(openWriter(context, table, options), source, settings)
}
