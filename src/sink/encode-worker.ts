import { type RecordBatch, type Schema, tableFromIPC } from 'apache-arrow'
import { batchFrom, type KeptDictionaries } from '../arrow/batch-transfer.ts'
import { serveThread } from '../base/serve-thread.ts'
import { encodeBlob } from './encode-blob.ts'
import type { EncodeRequest, SuppliedBatches, WholeBlob } from './encode-pool.ts'

// Runs in a worker thread: batches to the bytes of a blob.

type Next = () => Promise<SuppliedBatches | undefined>

serveThread<EncodeRequest>(async ({ schema, encoding }, next) => {
  const parsed = tableFromIPC(schema).schema
  const batches = suppliedBatches(parsed, next as Next)
  const encoded = encodeBlob({ schema: parsed, batches }, encoding)
  const chunks: Uint8Array[] = []
  for await (const chunk of encoded.chunks) chunks.push(alone(chunk))
  const value: WholeBlob = { chunks, measures: encoded.measured() }
  return { value, transfer: chunks.map(({ buffer }) => buffer as ArrayBuffer) }
})

/** The next batches are on their way while one is encoded. */
async function* suppliedBatches(schema: Schema, next: Next): AsyncGenerator<RecordBatch, void, undefined> {
  const kept: KeptDictionaries = new Map()
  let coming = next()
  for (let batches = await coming; batches !== undefined; batches = await coming) {
    coming = next()
    // Where encoding ends early nobody awaits it.
    coming.catch(() => undefined)
    for (const batch of batches) yield batchFrom(schema, batch, kept)
  }
}

/** Small outputs of zlib share a memory that must not be transferred. */
function alone(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk)
}
