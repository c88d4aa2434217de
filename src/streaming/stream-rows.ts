import { readBatches } from '../arrow/batches.ts'
import type { BatchInput } from '../arrow/batches.ts'
import { contextForWrite } from '../sink/write-tally.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import type { WriteTarget } from '../sink/write-target.ts'
import { IngestReceipt } from './ingest-receipt.ts'
import type { StreamingContext } from './streaming-context.ts'
import { streamingWriteSettings } from './streaming-write-settings.ts'
import type { StreamingWriteOptions } from './streaming-write-settings.ts'
import { writeStreaming } from './write-streaming.ts'

/**
 * Opens what is to be written as batches of one schema and streams it. Plain objects get the types of the table's columns
 * of their names; any other input tells its own schema.
 */
export async function streamRows(
  shared: StreamingContext,
  { table, data }: { readonly table: string; readonly data: BatchInput },
  options: StreamingWriteOptions,
): Promise<IngestReceipt> {
  const settings = streamingWriteSettings(options)
  const { signal, inferRows, mapping } = settings
  const context = { ...shared, sink: contextForWrite(shared.sink, settings.onEvent) }
  let target: WriteTarget | undefined
  const source = await readBatches(data, {
    inferRows,
    ...(signal === undefined ? {} : { signal }),
    ...(mapping === undefined
      ? {
          columnTypes: async (names) => {
            const columns = await fetchTableColumns(context.sink, table, signal)
            target = { columns, mapping: undefined }
            const types = new Map(columns?.map(({ name, type }) => [name, type]))
            return names.map((name) => types.get(name))
          },
        }
      : {}),
  })
  const input = { ...source, table, ...(target === undefined ? {} : { target }) }
  return new IngestReceipt(await writeStreaming(context, input, settings), shared.sink.ingestion)
}
