import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { RecordBatch, tableFromIPC } from 'apache-arrow'
import type { ParquetFile, RecordBatch as WasmBatch } from 'parquet-wasm'
import { badParquet, TrapGuard } from '../base/trap-guard.ts'
import { KustoProtocolError } from '../errors.ts'

/** A file of record batches that is read one piece at a time. */
export interface InputBatches {
  /** Where the file tells it. */
  readonly rows?: number
  readonly batches: () => AsyncIterable<RecordBatch>
}

/** A Parquet file: its row groups come one by one, and only their bytes are in memory. */
export async function parquetInput(file: string): Promise<InputBatches> {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    return await parquetIn(blobOf(handle, size), () => handle.close())
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Rows that leave the decoder at a time: they are in its memory three times, and that never shrinks. */
const BATCH_ROWS = 16_384

async function parquetIn(blob: Blob, close: () => Promise<void>): Promise<InputBatches> {
  const { ParquetFile } = await import('parquet-wasm')
  const parquet = await decoded(() => ParquetFile.fromFile(blob))
  const metadata = parquet.metadata()
  return { rows: metadata.fileMetadata().numRows(), batches: () => rowGroups(parquet, metadata.numRowGroups(), close) }
}

async function* rowGroups(
  parquet: ParquetFile,
  groups: number,
  close: () => Promise<void>,
): AsyncGenerator<RecordBatch> {
  let isTrapped = false
  const decode = <R>(work: () => Promise<R>): Promise<R> => decoded(work, () => (isTrapped = true))
  let isEmpty = true
  try {
    for (let group = 0; group < groups; group++) {
      const stream = await decode(() => parquet.stream({ rowGroups: [group], batchSize: BATCH_ROWS }))
      const reader = (stream as ReadableStream<WasmBatch>).getReader()
      const next = (): ReturnType<typeof reader.read> => decode(() => reader.read())
      for (let batch = await next(); !batch.done; batch = await next()) {
        isEmpty = false
        yield* tableFromIPC(batch.value.intoIPCStream()).batches
      }
    }
    // Columns without rows are columns all the same.
    if (isEmpty) yield new RecordBatch(tableFromIPC(parquet.schema().intoIPCStream()).schema, undefined)
  } finally {
    // After a trap the decoder still has the file.
    if (!isTrapped) parquet.free()
    await close()
  }
}

const guard = new TrapGuard(badParquet)

/** A call into the decoder; whatever it fails with is the file's fault. */
async function decoded<R>(work: () => Promise<R>, onFailure?: () => void): Promise<R> {
  try {
    return await guard.run(work)
  } catch (error) {
    onFailure?.()
    throw error instanceof KustoProtocolError ? error : badParquet(error)
  }
}

/** The part of a Blob that is asked for, over a file: Node's own `openAsBlob` is experimental in Node 20. */
function blobOf(handle: FileHandle, size: number, from = 0): Blob {
  const blob: Pick<Blob, 'size' | 'type' | 'slice' | 'arrayBuffer'> = {
    size: size - from,
    type: '',
    slice: (start = 0, end = size) => blobOf(handle, Math.min(size, from + end), from + start),
    async arrayBuffer() {
      const bytes = new Uint8Array(size - from)
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, from)
      return bytes.buffer.slice(0, bytesRead)
    },
  }
  return blob as Blob
}

/** A Parquet file that comes through a pipe: its end must be known first, so all bytes are held. */
export async function parquetBytes(source: AsyncIterable<Uint8Array>): Promise<InputBatches> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  return parquetIn(new Blob([Buffer.concat(parts)]), async () => undefined)
}
