import { readBatches } from '../arrow/batches.ts'
import type { BatchInput } from '../arrow/batches.ts'
import { contextForWrite } from '../sink/write-tally.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import type { WriteInput } from '../sink/write-input.ts'
import type { WriteTarget } from '../sink/write-target.ts'
import { IngestReceipt } from './ingest-receipt.ts'
import type { StreamingContext } from './streaming-context.ts'
import { streamingWriteSettings } from './streaming-write-settings.ts'
import type { StreamingWriteOptions, StreamingWriteSettings } from './streaming-write-settings.ts'
import { writeStreaming } from './write-streaming.ts'

/**
 * Opens what is to be written as batches of one schema and streams it. Plain objects get the types of the table's columns
 * of their names; any other input tells its own schema.
 */
export async function streamRows(
  shared: StreamingContext,
  request: { readonly table: string; readonly data: BatchInput },
  options: StreamingWriteOptions,
): Promise<IngestReceipt> {
  const settings = streamingWriteSettings(options)
  const context = { ...shared, sink: contextForWrite(shared.sink, settings.onEvent) }
  const input = await openStreamInput(context, request, settings)
  return new IngestReceipt(await writeStreaming(context, input, settings), shared.sink.ingestion)
}

/** What is to be streamed as batches of one schema. */
export async function openStreamInput(
  { sink }: Pick<StreamingContext, 'sink'>,
  { table, data }: { readonly table: string; readonly data: BatchInput },
  { signal, inferRows, mapping }: StreamingWriteSettings,
): Promise<WriteInput> {
  let target: WriteTarget | undefined
  const source = await readBatches(data, {
    inferRows,
    ...(signal === undefined ? {} : { signal }),
    ...(mapping === undefined
      ? {
          columnTypes: async (names) => {
            const columns = await fetchTableColumns(sink, table, signal)
            target = { columns, mapping: undefined }
            const types = new Map(columns?.map(({ name, type }) => [name, type]))
            return names.map((name) => types.get(name))
          },
        }
      : {}),
  })
  return { ...source, table, ...(target === undefined ? {} : { target }) }
}
