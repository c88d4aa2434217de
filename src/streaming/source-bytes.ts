import { AbortScope, untilAborted } from '../base/abort.ts'
import { KustoIngestError, KustoUsageError } from '../errors.ts'

/** Bytes to ingest: a Node or Web stream, any iterable of bytes or text, or the bytes themselves. */
export type BytesInput =
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>

export interface SourceBytesOptions {
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** A source whose first bytes have been looked at. */
export interface OpenSource {
  /** Every byte, the first ones too; read once. Ending early ends the source. */
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>
  /** Ends the source, whether it was read or not. */
  close(): Promise<void>
  /** By the first bytes, whatever the name says. */
  readonly compression: 'none' | 'gzip' | 'zip'
}

const GZIP = [0x1f, 0x8b]
const ZIP = [0x50, 0x4b, 0x03, 0x04]

/**
 * Opens a source and tells its compression. Failures of the source come through as they are, and an abort or a source that
 * gives nothing for too long ends the wait and the source.
 * @throws {KustoUsageError} KUSTO_BAD_INPUT for what is none, KUSTO_SOURCE_STALLED while it is read
 */
export async function openSource(input: BytesInput, options: SourceBytesOptions): Promise<OpenSource> {
  const rest = chunksOf(input, options)
  const first: Uint8Array[] = []
  let bytes = 0
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    first.push(next.value)
    bytes += next.value.length
    if (bytes >= ZIP.length) break
  }
  const head = Buffer.concat(first)
  const isZip = ZIP.every((byte, at) => head[at] === byte)
  const chunks = joined(first, rest)
  return {
    chunks,
    close: async () => {
      await chunks.return()
      // A generator that was not begun has nothing to end.
      await rest.return()
    },
    compression: isZip ? 'zip' : GZIP.every((byte, at) => head[at] === byte) ? 'gzip' : 'none',
  }
}

async function* joined(
  first: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* first
    yield* rest
  } finally {
    await rest.return()
  }
}

async function* chunksOf(
  input: BytesInput,
  { idleTimeoutMs, signal }: SourceBytesOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted()
  const items = iteratorOf(input)
  let isOver = false
  try {
    for (;;) {
      using scope = new AbortScope(signal)
      scope.limit(idleTimeoutMs, () => stalled(idleTimeoutMs))
      const next = await untilAborted(Promise.resolve(items.next()), scope.signal)
      if (next.done === true) {
        isOver = true
        return
      }
      const chunk = bytesOf(next.value)
      if (chunk.length > 0) yield chunk
    }
  } finally {
    // A source in the middle of a read may never answer: it is told to end, and not waited for.
    if (!isOver) Promise.resolve(items.return?.()).catch(() => undefined)
  }
}

function iteratorOf(input: BytesInput): AsyncIterator<unknown> | Iterator<unknown> {
  if (input instanceof Uint8Array) return [input][Symbol.iterator]()
  if (typeof input === 'object' && input !== null) {
    if (Symbol.asyncIterator in input) return input[Symbol.asyncIterator]()
    if (Symbol.iterator in input) return input[Symbol.iterator]()
  }
  throw badInput('a stream, bytes or an iterable of bytes', typeof input)
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk, 'utf8')
  throw badInput('bytes or text in the stream', chunk === null ? 'null' : typeof chunk)
}

function badInput(expected: string, found: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_INPUT', `expected ${expected}, found ${found}`)
}

function stalled(idleTimeoutMs: number): KustoIngestError {
  return new KustoIngestError(
    'KUSTO_SOURCE_STALLED',
    `expected bytes of the source within ${idleTimeoutMs} ms, found none`,
  )
}
