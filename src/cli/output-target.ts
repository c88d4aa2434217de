import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { finished, pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { CliIo, CliStream } from './cli-command.ts'
import { checkOutput, isPlainFile } from './check-output.ts'
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

/**
 * A file that has its name only when it is whole; compressed when the name ends with `.gz`. A device or a named pipe is
 * written to as it is.
 * @throws {KustoUsageError} CLI_USAGE for a folder
 */
export async function fileOutput(file: string): Promise<OutputTarget> {
  await checkOutput(file)
  const isPlain = await isPlainFile(file)
  const partial = isPlain ? `${file}.partial` : file
  const disk = createWriteStream(partial)
  disk.on('error', () => undefined)
  await once(disk, 'open')
  const gzip = file.toLowerCase().endsWith('.gz') ? createGzip() : undefined
  const stream = gzip ?? disk
  // An error of either ends both: a stream that is only piped goes on waiting for a file that takes nothing more.
  const done = gzip === undefined ? finished(disk) : pipeline(gzip, disk)
  done.catch(() => undefined)
  /** What the disk says of the file, whatever the stream before it says. */
  const named = (error: unknown): unknown => Object.assign(disk.errored ?? (error as Error), { path: file })
  return {
    async write(chunk) {
      try {
        await writeOrFail(stream, chunk)
      } catch (error) {
        throw named(error)
      }
    },
    async finish() {
      try {
        stream.end()
        await done
      } catch (error) {
        throw named(error)
      }
      if (isPlain) await rename(partial, file)
      return { bytes: disk.bytesWritten }
    },
    async abandon() {
      stream.destroy()
      disk.destroy()
      await done.catch(() => undefined)
      if (isPlain) await rm(partial, { force: true })
    },
  }
}

/**
 * Waits until the stream has taken the bytes, and fails with what the stream reports, such as EPIPE. A stream that is
 * destroyed may never call back for the bytes it was at.
 */
function writeOrFail(stream: CliStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null): void => {
      stream.off('close', closed)
      if (error === null || error === undefined) resolve()
      else reject(error)
    }
    const closed = (): void => settle(new Error('expected a stream that takes bytes, found it closed'))
    stream.on('close', closed)
    stream.write(bytes, settle)
  })
}
