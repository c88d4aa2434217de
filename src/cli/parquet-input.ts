import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { type RecordBatch, tableFromIPC } from 'apache-arrow'
import type { ParquetFile, RecordBatch as WasmBatch } from 'parquet-wasm'

/** A file of record batches that is read one piece at a time. */
export interface InputBatches {
  /** Where the file tells it. */
  readonly rows?: number
  readonly batches: () => AsyncIterable<RecordBatch>
}

/** A Parquet file: its row groups come one by one, and only their bytes are in memory. */
export async function parquetInput(file: string): Promise<InputBatches> {
  const { ParquetFile } = await import('parquet-wasm')
  const handle = await open(file)
  try {
    const parquet = await ParquetFile.fromFile(blobOf(handle, (await handle.stat()).size))
    const metadata = parquet.metadata()
    const groups = metadata.numRowGroups()
    return {
      rows: metadata.fileMetadata().numRows(),
      batches: () => rowGroups(parquet, groups, () => handle.close()),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Rows that leave the decoder at a time: they are in its memory three times, and that never shrinks. */
const BATCH_ROWS = 16_384

async function* rowGroups(
  parquet: ParquetFile,
  groups: number,
  close: () => Promise<void>,
): AsyncGenerator<RecordBatch> {
  try {
    for (let group = 0; group < groups; group++) {
      const stream = await parquet.stream({ rowGroups: [group], batchSize: BATCH_ROWS })
      for await (const batch of stream as ReadableStream<WasmBatch>) yield* tableFromIPC(batch.intoIPCStream()).batches
    }
  } finally {
    parquet.free()
    await close()
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
  const { ParquetFile } = await import('parquet-wasm')
  const parquet = await ParquetFile.fromFile(new Blob([Buffer.concat(parts)]))
  const metadata = parquet.metadata()
  return {
    rows: metadata.fileMetadata().numRows(),
    batches: () => rowGroups(parquet, metadata.numRowGroups(), async () => undefined),
  }
}
