import { EventEmitter } from 'node:events'
import { Readable, Writable } from 'node:stream'
import type { CliIo, CliStream } from '../../src/cli/cli-command.ts'
import { runCommandLine } from '../../src/cli/run-command-line.ts'

export interface MemoryIoOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly stdin?: string | Uint8Array
  readonly signals?: EventEmitter
  readonly exit?: (code: number) => void
  /** Whether standard output and standard error say that they are terminals. */
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface MemoryIo {
  readonly io: CliIo
  readonly out: () => string
  readonly outBytes: () => Buffer
  readonly err: () => string
}

/** Streams of a command line that are kept in memory. */
export function memoryIo(options: MemoryIoOptions = {}): MemoryIo {
  const [stdout, out] = collector(options)
  const [stderr, err] = collector(options)
  return {
    io: {
      stdout,
      stderr,
      stdin: Object.assign(Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]), {
        isTTY: options.stdin === undefined,
      }),
      env: options.env ?? {},
      signals: options.signals ?? new EventEmitter(),
      exit: options.exit ?? (() => undefined),
    },
    out: () => out().toString(),
    outBytes: out,
    err: () => err().toString(),
  }
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly outBytes: Buffer
  readonly err: string
}

/** Runs a command line to its end. */
export async function run(args: readonly string[], options: MemoryIoOptions = {}): Promise<Ran> {
  const { io, out, outBytes, err } = memoryIo(options)
  const code = await runCommandLine(args, io)
  return { code, out: out(), outBytes: outBytes(), err: err() }
}

function collector({ isTTY = false, columns }: MemoryIoOptions): [CliStream, () => Buffer] {
  const parts: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      parts.push(Buffer.from(chunk))
      done()
    },
  })
  return [Object.assign(stream, { isTTY, ...(columns === undefined ? {} : { columns }) }), () => Buffer.concat(parts)]
}
