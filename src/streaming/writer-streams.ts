import { Writable } from 'node:stream'
import type { KustoWriter } from './kusto-writer.ts'
import type { WriterInput } from './writer-intake.ts'

/**
 * The writer as a Web stream to pipe into: it asks for more when rows fit into memory, its end closes the writer, and its
 * abort aborts it. Its `ready` is honest: `highWaterMark` elements wait in it at most.
 */
export function writableStream(writer: KustoWriter, highWaterMark = 1): WritableStream<WriterInput> {
  return new WritableStream<WriterInput>(
    {
      start(controller) {
        // Also while nothing comes that could be refused.
        writer.closed.catch((error: unknown) => controller.error(error))
      },
      async write(chunk) {
        await writer.write(chunk)
      },
      async close() {
        await writer.close()
      },
      async abort(reason) {
        await writer.abort(reason)
      },
    },
    { highWaterMark },
  )
}

type Done = (error?: Error | null) => void

/** The writer as a Node stream in object mode; `destroy` aborts it. Not by `fromWeb`, which hangs on a write that fails. */
export function nodeWritable(writer: KustoWriter): Writable {
  const stream = new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(chunk: WriterInput, _encoding, done) {
      void tell(writer.write(chunk), done)
    },
    final(done) {
      void tell(writer.close(), done)
    },
    destroy(error, done) {
      // Also called, without an error, after the end: then the writer is closed, and there is nothing to abort.
      void tell(error === null ? writer.abort() : writer.abort(error), (failure) => done(error ?? failure))
    },
  })
  // Also while nothing comes that could be refused.
  writer.closed.catch((error: Error) => stream.destroy(error))
  return stream
}

async function tell(work: Promise<unknown>, done: Done): Promise<void> {
  try {
    await work
  } catch (error) {
    done(error as Error)
    return
  }
  done()
}

/** Elements on their way through: each comes out when its rows count as written. */
export function acknowledgingTransform(writer: KustoWriter): TransformStream<WriterInput, WriterInput> {
  let last = Promise.resolve()
  return new TransformStream<WriterInput, WriterInput>({
    async transform(chunk, controller) {
      const written = await writer.write(chunk)
      const before = last
      const pass = async (): Promise<void> => {
        await written.acknowledged()
        await before
        controller.enqueue(chunk)
      }
      last = pass()
      last.catch((error: unknown) => controller.error(error))
    },
    async flush() {
      await writer.close()
      await last
    },
  })
}
