import { createHash, getFips } from 'node:crypto'
import { KustoProtocolError } from '../errors.ts'

/** What a transfer was checked by. */
export type VerifiedBy = 'md5' | 'none'

/** Bytes hashed before other work gets a turn: about 2 ms. */
const SLICE_BYTES = 1024 * 1024

/** Whether this process may compute MD5; one in FIPS mode may not. */
export function canHashMd5(): boolean {
  return getFips() === 0
}

export function md5(bytes: Uint8Array): Uint8Array {
  return createHash('md5').update(bytes).digest()
}

/**
 * Compares bytes with the MD5 that storage gave for them, slice by slice, so that a large blob does not stop the process.
 * @throws {KustoProtocolError} KUSTO_CHECKSUM_MISMATCH
 */
export async function checkMd5(bytes: Uint8Array, expected: Uint8Array, what: string): Promise<void> {
  const hash = createHash('md5')
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    if (start > 0) await new Promise<void>((resolve) => void setImmediate(resolve))
    hash.update(bytes.subarray(start, start + SLICE_BYTES))
  }
  const found = hash.digest()
  if (found.equals(expected)) return
  throw new KustoProtocolError(
    'KUSTO_CHECKSUM_MISMATCH',
    `expected MD5 ${Buffer.from(expected).toString('base64')} of ${what}, found ${found.toString('base64')}`,
  )
}
