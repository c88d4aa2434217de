import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { RecordBatch, RecordBatchReader } from 'apache-arrow'

const MARK = 'ARROW1'
/** Behind the footer: its length and the mark. */
const TAIL_BYTES = 4 + MARK.length

/**
 * The batches of an Arrow IPC file, by the index at its end and so one at a time in memory, or of the IPC streams that
 * follow one another in it.
 * @throws what apache-arrow says of other bytes
 */
export async function* arrowFile(file: string, bytes: () => AsyncIterable<Uint8Array>): AsyncGenerator<RecordBatch> {
  const handle = await open(file)
  try {
    // Anything else would keep apache-arrow reading at the end of the file for ever.
    if (await isWholeFile(handle)) yield* withSchema(await told(() => RecordBatchReader.from(handle)))
    else yield* arrowBytes(bytes())
  } finally {
    await handle.close().catch(() => undefined)
  }
}

/** The batches of IPC streams that follow one another, or of a file, which is held as a whole. */
export async function* arrowBytes(source: AsyncIterable<Uint8Array>): AsyncGenerator<RecordBatch> {
  yield* withSchema(await told(() => RecordBatchReader.from(source)))
}

async function* withSchema(found: RecordBatchReader): AsyncGenerator<RecordBatch> {
  const reader = await told(() => found.open({ autoDestroy: false }))
  // The type says that there is one always.
  if ((reader.schema as unknown) === undefined) throw badArrow()
  const batches = reader[Symbol.asyncIterator]()
  let isEmpty = true
  try {
    do {
      for (;;) {
        const batch = await told(async () => batches.next())
        if (batch.done === true) break
        isEmpty = false
        yield batch.value
      }
    } while (!reader.isFile() && !(await told(() => reader.reset().open())).closed)
    // Columns without rows are columns all the same.
    if (isEmpty) yield new RecordBatch(reader.schema, undefined)
  } finally {
    await reader.cancel()
  }
}

/** What apache-arrow stumbles over in other bytes tells nothing; what their source says has a code or a name of its own. */
async function told<R>(work: () => R | Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    const isOfSource = error instanceof Error && ('code' in error || error.name === 'AbortError')
    throw isOfSource ? error : badArrow(error)
  }
}

function badArrow(cause?: unknown): Error {
  return new Error('expected a whole Arrow IPC file or stream, found other bytes', { cause })
}

async function isWholeFile(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat()
  const room = size - MARK.length - TAIL_BYTES
  if (room <= 0) return false
  const head = await bytesAt(handle, 0, MARK.length)
  const tail = await bytesAt(handle, size - TAIL_BYTES, TAIL_BYTES)
  const footerBytes = tail.readInt32LE(0)
  return (
    head.toString('latin1') === MARK && tail.toString('latin1', 4) === MARK && footerBytes > 0 && footerBytes < room
  )
}

async function bytesAt(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, from)
  return buffer
}
