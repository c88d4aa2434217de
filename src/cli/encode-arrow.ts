import {
  AsyncByteQueue,
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type Schema,
} from 'apache-arrow'

/** Arrow IPC, batch by batch: a file, or a stream. */
export async function* encodeArrow(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  kind: 'file' | 'stream',
): AsyncGenerator<Uint8Array> {
  const writer = kind === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter()
  const queue = new AsyncByteQueue()
  writer.reset(queue, schema)
  const drained = drain(queue)
  for await (const batch of batches) {
    writer.write(batch)
    yield* drained()
  }
  writer.finish()
  yield* drained()
}

/** Gives what the writer has put into its queue so far; the queue itself would wait for more. */
function drain(queue: AsyncByteQueue): () => AsyncGenerator<Uint8Array> {
  let next: Promise<IteratorResult<Uint8Array>> | undefined
  return async function* () {
    for (;;) {
      next ??= queue.next()
      const ready = await Promise.race([next, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))])
      if (ready === undefined) return
      next = undefined
      if (ready.done === true) return
      yield ready.value
    }
  }
}
