import { createHash } from 'node:crypto'
import { KustoProtocolError } from '../errors.ts'
import type { EntryRecord } from './wal-records.ts'

/** What a batch is before it gets its place in the log. */
export type NewEntry = Pick<EntryRecord, 'rows' | 'rawBytes' | 'properties' | 'schema' | 'position' | 'partialRows'>

/** The encoded rows of a batch on their way into the log. */
export interface StagedRows {
  readonly chunks: AsyncIterable<Uint8Array>
  /** `csv.gz`, `parquet`. */
  readonly extension: string
  /** Asked once the chunks are consumed. */
  readonly entry: () => NewEntry
}

/** Passes chunks on; once they are consumed, `result` tells their length and checksum. */
export function measure(chunks: AsyncIterable<Uint8Array>): {
  readonly chunks: AsyncIterable<Uint8Array>
  readonly result: () => Pick<EntryRecord, 'encodedBytes' | 'sha256'>
} {
  const hash = createHash('sha256')
  let encodedBytes = 0
  async function* passOn(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      hash.update(chunk)
      encodedBytes += chunk.length
      yield chunk
    }
  }
  return { chunks: passOn(), result: () => ({ encodedBytes, sha256: hash.digest('hex') }) }
}

/** @throws {KustoProtocolError} KUSTO_BAD_LOG_RECORD when the bytes are not those that were staged */
export function checkStaged({ staged, sha256 }: EntryRecord, bytes: Uint8Array): void {
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return
  throw new KustoProtocolError('KUSTO_BAD_LOG_RECORD', `${staged}: expected the bytes that were staged, found others`)
}
