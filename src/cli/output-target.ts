import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { CliIo, CliStream } from './cli-command.ts'
import { usageError } from './usage-error.ts'

/** Where bytes of a result go. */
export interface OutputTarget {
  /** Resolves when the target takes more. */
  write(bytes: Uint8Array): Promise<void>
  /** Everything was written: a file now has its name. */
  finish(): Promise<{ readonly bytes: number }>
  /** Nothing of a file is left. */
  abandon(): Promise<void>
}

/**
 * Standard output. A reader that goes away makes `write` fail with EPIPE.
 * @throws {KustoUsageError} CLI_USAGE for bytes that a terminal cannot show
 */
export function standardOutput(io: CliIo, isBinary: boolean): OutputTarget {
  if (isBinary && io.stdout.isTTY === true) {
    throw usageError('a terminal cannot show this format: name a file with --out, or send standard output elsewhere')
  }
  let bytes = 0
  return {
    async write(chunk) {
      bytes += chunk.length
      await writeOrFail(io.stdout, chunk)
    },
    finish: async () => ({ bytes }),
    abandon: async () => undefined,
  }
}

/** A file that has its name only when it is whole; compressed when the name ends with `.gz`. */
export async function fileOutput(file: string): Promise<OutputTarget> {
  const isFolder = await stat(file).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (isFolder) throw usageError(`expected --out to name a file, found the folder ${file}`)
  const partial = `${file}.partial`
  const disk = createWriteStream(partial)
  disk.on('error', () => undefined)
  await once(disk, 'open')
  const stream = file.toLowerCase().endsWith('.gz') ? createGzip() : disk
  if (stream !== disk) stream.pipe(disk)
  return {
    write: (chunk) => writeOrFail(stream, chunk),
    async finish() {
      stream.end()
      await finished(disk)
      await rename(partial, file)
      return { bytes: disk.bytesWritten }
    },
    async abandon() {
      stream.destroy()
      disk.destroy()
      await finished(disk).catch(() => undefined)
      await rm(partial, { force: true })
    },
  }
}

/** Waits until the stream has taken the bytes, and fails with what the stream reports, such as EPIPE. */
function writeOrFail(stream: CliStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}
