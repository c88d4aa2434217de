import { malformedResponse } from '../arrow/decode-stop.ts'
import { ByteWindow } from '../arrow/kernels/byte-window.ts'
import { scanValue, ValueScan } from '../arrow/kernels/scan-value.ts'
import { KustoProtocolError } from '../errors.ts'

/** The answer when the bytes so far are not enough; reading goes on where it was after more are appended. */
export const MORE: unique symbol = Symbol('more bytes needed')

/** The most that is kept of one value or row that is not complete. */
export const MAX_VALUE_BYTES: number = 256 * 1024 * 1024

const FIRST_CAPACITY = 16 * 1024

/** A JSON value as bytes, and where it begins in the body. */
export interface RawValue {
  readonly bytes: Uint8Array
  readonly offset: number
}

/** Reads JSON values from a body that arrives in pieces. Each byte of an incomplete value is looked at once. */
export class JsonReader {
  readonly window: ByteWindow
  #scan: ValueScan | undefined

  constructor(window: ByteWindow = new ByteWindow(FIRST_CAPACITY)) {
    this.window = window
  }

  append(bytes: Uint8Array): void {
    const { window } = this
    if (window.end - window.pos > MAX_VALUE_BYTES) {
      throw new KustoProtocolError(
        'KUSTO_RESPONSE_TOO_LARGE',
        `expected a value or row of at most ${MAX_VALUE_BYTES} bytes`,
        { offset: window.base + window.pos },
      )
    }
    window.append(bytes)
  }

  /** The next byte that is not white space, not consumed. */
  peek(): number | typeof MORE {
    const { window } = this
    let pos = window.pos
    while (pos < window.end && isSpace(window.buf[pos])) pos++
    window.pos = pos
    return pos < window.end ? (window.buf[pos] ?? 0) : MORE
  }

  /** Consumes the byte that {@link peek} showed. */
  accept(): void {
    this.window.pos++
  }

  /** Whether the row or value that begins at the window's position is complete, judged by quotes and brackets. */
  isComplete(): boolean {
    return this.#findEnd() >= 0
  }

  /** Starts the next {@link isComplete} anew. */
  forgetScan(): void {
    this.#scan = undefined
  }

  /** The next value as a copy of its bytes, unchecked. */
  takeRaw(path: string): RawValue | typeof MORE {
    if (this.#startValue(path) === MORE) return MORE
    const { window } = this
    const end = this.#findEnd()
    if (end < 0) return MORE
    const raw = { bytes: window.buf.subarray(window.pos, end).slice(), offset: window.base + window.pos }
    window.pos = end
    return raw
  }

  /** The next value, parsed. */
  takeValue(path: string): unknown {
    const raw = this.takeRaw(path)
    return raw === MORE ? MORE : parseRaw(raw, path)
  }

  /** Passes over the next value without keeping its bytes. */
  skipValue(path: string): typeof MORE | undefined {
    if (this.#scan === undefined && this.#startValue(path) === MORE) return MORE
    const end = this.#findEnd()
    this.window.pos = end < 0 ? this.window.end : end
    return end < 0 ? MORE : undefined
  }

  /** @throws {KustoProtocolError} KUSTO_MALFORMED_RESPONSE always, about the byte at the window's position. */
  fail(message: string, path: string): never {
    throw malformedResponse(message, this.window, this.window.pos, path)
  }

  #startValue(path: string): typeof MORE | undefined {
    const c = this.peek()
    if (c === MORE) return MORE
    if (c === 0x2c || c === 0x5d || c === 0x7d || c === 0x3a) this.fail('expected a JSON value', path)
    return undefined
  }

  #findEnd(): number {
    const { window } = this
    const scan = (this.#scan ??= new ValueScan())
    const from = scan.offset < 0 ? window.pos : scan.offset - window.base
    const end = scanValue(window.buf, from, window.end, scan)
    if (end < 0) scan.offset = window.base + window.end
    else this.#scan = undefined
    return end
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses the bytes of a JSON value.
 * @throws {KustoProtocolError} KUSTO_MALFORMED_RESPONSE when they are not JSON or not UTF-8.
 */
export function parseRaw(raw: RawValue, path: string): unknown {
  try {
    return JSON.parse(decoder.decode(raw.bytes))
  } catch (cause) {
    throw new KustoProtocolError(
      'KUSTO_MALFORMED_RESPONSE',
      `expected a JSON value at byte ${raw.offset} (${path}), found bytes that are not`,
      { cause, offset: raw.offset, path },
    )
  }
}

function isSpace(c: number | undefined): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
}
