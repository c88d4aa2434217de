import { Writable } from 'node:stream'
import type { KustoWriter, WriterInput } from './kusto-writer.ts'

/**
 * The writer as a Web stream to pipe into: it asks for more when rows fit into memory, its end closes the writer, and its
 * abort aborts it. Its `ready` is honest: `highWaterMark` elements wait in it at most.
 */
export function writableStream(writer: KustoWriter, highWaterMark = 1): WritableStream<WriterInput> {
  return new WritableStream<WriterInput>(
    {
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

/** The writer as a Node stream in object mode; `destroy` aborts it. */
export function nodeWritable(writer: KustoWriter): Writable {
  return new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(chunk: WriterInput, _encoding, done) {
      writer.write(chunk).then(() => done(), done)
    },
    final(done) {
      writer.close().then(() => done(), done)
    },
    destroy(error, done) {
      const ended = error === null ? Promise.resolve() : writer.abort(error)
      ended.then(() => done(error), done)
    },
  })
}

/** Elements on their way through: each comes out when its rows count as written. */
export function acknowledgingTransform(writer: KustoWriter): TransformStream<WriterInput, WriterInput> {
  let last = Promise.resolve()
  return new TransformStream<WriterInput, WriterInput>({
    async transform(chunk, controller) {
      const written = await writer.write(chunk)
      const before = last
      last = written.acknowledged().then(async () => {
        await before
        controller.enqueue(chunk)
      })
      last.catch((error: unknown) => controller.error(error))
    },
    async flush() {
      await writer.close()
      await last
    },
  })
}
