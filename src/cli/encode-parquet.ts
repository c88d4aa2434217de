import { RecordBatch, type Schema, Table, tableToIPC } from 'apache-arrow'

/** Rows of a row group: enough to compress well, little enough to hold. */
const ROW_GROUP_ROWS = 131_072

/** Parquet, row group by row group, so that memory does not grow with the rows. */
export async function* encodeParquet(schema: Schema, batches: AsyncIterable<RecordBatch>): AsyncGenerator<Uint8Array> {
  const parquet = await import('parquet-wasm')
  const properties = new parquet.WriterPropertiesBuilder()
    .setCompression(parquet.Compression.ZSTD)
    .setMaxRowGroupSize(ROW_GROUP_ROWS)
    .setCreatedBy('kusto-arrow')
    .build()
  const iterator = batches[Symbol.asyncIterator]()
  const first = await iterator.next()
  if (first.done === true) {
    const empty = new Table(schema, [new RecordBatch(schema, undefined)])
    yield parquet.writeParquet(parquet.Table.fromIPCStream(tableToIPC(empty, 'stream')), properties)
    return
  }
  let batch: RecordBatch | undefined = first.value
  const source = new ReadableStream(
    {
      async pull(controller) {
        const given = batch ?? (await iterator.next())
        batch = undefined
        if (!(given instanceof RecordBatch) && given.done === true) {
          controller.close()
          return
        }
        const rows = given instanceof RecordBatch ? given : given.value
        const table = parquet.Table.fromIPCStream(tableToIPC(new Table(rows), 'stream'))
        for (const each of table.recordBatches()) controller.enqueue(each)
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
  const bytes = (await parquet.transformParquetStream(source, properties)) as ReadableStream<Uint8Array>
  try {
    for await (const chunk of bytes) yield chunk
  } finally {
    await iterator.return?.()
  }
}
