import { createGunzip } from 'node:zlib'
import { KustoUsageError } from '../errors.ts'

/** Counts the bytes that a source has before compression, while its chunks go by. */
export interface RawSize {
  /** So far. */
  readonly bytes: number
  take(chunk: Uint8Array): Promise<void>
  /** After the last chunk; from then on `bytes` is exact. */
  end(): Promise<void>
  close(): void
}

/** The size of what is not compressed. */
export function plainSize(): RawSize {
  let bytes = 0
  return {
    get bytes() {
      return bytes
    },
    take: async (chunk) => {
      bytes += chunk.length
    },
    end: async () => undefined,
    close: () => undefined,
  }
}

/**
 * The size of what a gzip file holds, all its members; nothing is kept. The size in its trailer is modulo 4 GiB and of the
 * last member only.
 * @throws {KustoUsageError} KUSTO_BAD_GZIP for a file that is damaged or cut off
 */
export function gzipSize(): RawSize {
  const gunzip = createGunzip()
  let bytes = 0
  let failure: unknown
  gunzip.on('data', (chunk: Buffer) => (bytes += chunk.length))
  // A stream that has failed calls back for nothing that is still to be written.
  const over = new Promise<void>((resolve) => {
    gunzip.once('end', resolve)
    gunzip.once('close', resolve)
    gunzip.once('error', (error) => {
      failure = error
      resolve()
    })
  })
  const check = (): void => {
    if (failure === undefined) return
    const why = failure instanceof Error ? failure.message : 'unreadable'
    throw new KustoUsageError('KUSTO_BAD_GZIP', `expected whole gzip data, found them damaged: ${why}`, {
      cause: failure,
    })
  }
  return {
    get bytes() {
      return bytes
    },
    take: async (chunk) => {
      check()
      await Promise.race([over, new Promise<void>((resolve) => gunzip.write(chunk, () => resolve()))])
      check()
    },
    end: async () => {
      gunzip.end()
      await over
      check()
    },
    close: () => gunzip.destroy(),
  }
}

/** Bytes of the end of a zip file in which its directory is looked for. */
const TAIL_BYTES = 1024 * 1024

/**
 * The size of what a zip file holds, from the directory at its end: 46 bytes an entry, the size before compression at 24.
 * @throws {KustoUsageError} KUSTO_BAD_ZIP when there is no such directory within the last MiB, or a size over 4 GiB
 */
export function zipSize(): RawSize {
  let tail: Buffer = Buffer.alloc(0)
  let bytes = 0
  return {
    get bytes() {
      return bytes
    },
    take: async (chunk) => {
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES)
    },
    end: async () => {
      bytes = directorySize(tail)
    },
    close: () => undefined,
  }
}

function directorySize(tail: Buffer): number {
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end < 0 || end + 20 > tail.length) throw badZip('the end of its directory is missing')
  let at = end - tail.readUInt32LE(end + 12)
  let total = 0
  for (let entry = tail.readUInt16LE(end + 10); entry > 0; entry--) {
    if (at < 0 || at + 46 > end || tail.readUInt32LE(at) !== 0x0201_4b50) throw badZip('its directory is damaged')
    const size = tail.readUInt32LE(at + 24)
    if (size === 0xffff_ffff) throw badZip('it holds more than 4 GiB')
    total += size
    at += 46 + tail.readUInt16LE(at + 28) + tail.readUInt16LE(at + 30) + tail.readUInt16LE(at + 32)
  }
  return total
}

function badZip(why: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_ZIP', `expected a zip file, found that ${why}`)
}
