import { type RecordBatch, RecordBatchReader, type Schema } from 'apache-arrow'
import { KustoError, KustoUsageError } from '../errors.ts'
import { badInput } from './bad-input.ts'

/** What IPC bytes hold. */
export interface IpcBatches {
  readonly schema: Schema
  /** May be iterated once. Ending early ends the input. */
  readonly batches: AsyncIterable<RecordBatch>
}

/**
 * Opens the bytes of an Arrow IPC file, or of IPC streams that follow one another: an element is a stream, a part of one,
 * or several.
 * @throws {KustoUsageError} KUSTO_BAD_INPUT for other bytes and, while iterating, for what follows that is not a stream
 */
export async function openIpc(bytes: Uint8Array | AsyncIterable<unknown>): Promise<IpcBatches> {
  let failure: unknown
  const reading = async <R>(work: () => R | Promise<R>): Promise<R> => {
    try {
      return await work()
    } catch (error) {
      // What the source has to say goes through; apache-arrow stumbles over bytes in ways of its own.
      throw error === failure || error instanceof KustoError ? error : notIpc(error)
    }
  }
  const reader = await reading(async () => {
    const found: RecordBatchReader =
      bytes instanceof Uint8Array
        ? RecordBatchReader.from(bytes)
        : await RecordBatchReader.from(partsOf(bytes, (error) => (failure = error)) as AsyncIterable<Uint8Array>)
    return found.open({ autoDestroy: false })
  })
  async function* batches(): AsyncGenerator<RecordBatch, void, undefined> {
    try {
      do yield* reader
      while (!reader.isFile() && !(await reading(() => reader.reset().open())).closed)
    } finally {
      await reader.cancel()
    }
  }
  return { schema: reader.schema, batches: batches() }
}

/** How an Arrow file begins and ends. */
const FILE_MARK = Buffer.from('ARROW1')

async function* partsOf(
  items: AsyncIterable<unknown>,
  tell: (failure: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let isFile: boolean | undefined
  let last: Uint8Array | undefined
  try {
    for await (const item of items) {
      const part = item instanceof ArrayBuffer ? new Uint8Array(item) : item
      if (!(part instanceof Uint8Array)) throw badInput('Arrow IPC bytes like the first element', item)
      if (part.length === 0) continue
      const begins = FILE_MARK.equals(part.subarray(0, FILE_MARK.length))
      isFile ??= begins
      // A file is read by the index at its end, so that the rows of one before would be lost.
      if (isFile && begins && last !== undefined && FILE_MARK.equals(last.subarray(-FILE_MARK.length))) {
        throw badInput('a single Arrow file, for only streams can follow one another', item)
      }
      last = part
      yield part
    }
  } catch (error) {
    tell(error)
    throw error
  }
}

function notIpc(cause: unknown): KustoUsageError {
  return new KustoUsageError(
    'KUSTO_BAD_INPUT',
    'expected the bytes of an Arrow IPC file or of IPC streams, found others (ingestFile takes files of other formats)',
    { cause },
  )
}
