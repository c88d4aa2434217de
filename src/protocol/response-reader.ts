import type { DecodeSettings } from '../arrow/decode-table.ts'
import { KustoProtocolError } from '../errors.ts'
import { JsonReader, MORE } from './json-reader.ts'
import { V1Reader } from './read-v1.ts'
import { V2Reader } from './read-v2.ts'
import type { ResponseEvent } from './response-events.ts'

/** Bytes decoded at a time: a larger chunk is cut, so that the bytes stay in the processor's cache. */
const WINDOW_BYTES = 128 * 1024

const NO_BYTES = new Uint8Array(0)

/** What {@link ResponseReader} needs to know: how to decode, and nothing about where bytes come from. */
export interface ResponseSettings extends Omit<DecodeSettings, 'unwrap'> {
  /** `unwrap` (default) or `keep`; see {@link ResponseOptions}. */
  readonly dynamicStrings: 'unwrap' | 'keep'
}

/**
 * Turns the bytes of a V1 or V2 response into events, without waiting for anything, so that it runs as well in a worker:
 * `write` a chunk, call `next` until it answers undefined, write the next; at the end `close` and call `next` again.
 * The events are the same however the bytes are cut into chunks.
 */
export class ResponseReader {
  readonly #settings: ResponseSettings
  readonly #json = new JsonReader()
  readonly #events: ResponseEvent[] = []
  readonly #emit = (event: ResponseEvent): void => {
    this.#events.push(event)
  }
  #format: V1Reader | V2Reader | undefined
  #chunk: Uint8Array = NO_BYTES
  #isClosed = false
  #isDone = false
  #failure: unknown

  constructor(settings: ResponseSettings) {
    this.#settings = settings
  }

  /** Gives the next bytes of the body; they must not change before {@link next} answers undefined. */
  write(chunk: Uint8Array): void {
    if (this.#isClosed) throw new RangeError('expected no bytes after close()')
    if (this.#chunk.length > 0) throw new RangeError('expected next() to be called until it answers undefined')
    this.#chunk = chunk
  }

  /** Says that the body has ended. */
  close(): void {
    this.#isClosed = true
  }

  /**
   * The next event, or undefined when more bytes are needed or, after `close`, when the `end` was delivered.
   * @throws {KustoServiceError} for a failure the service reports anywhere in the body.
   * @throws {KustoProtocolError} KUSTO_MALFORMED_RESPONSE, KUSTO_TRUNCATED_RESPONSE, KUSTO_INCOMPLETE_RESPONSE or
   * KUSTO_RESPONSE_TOO_LARGE.
   * @throws {KustoDataError} KUSTO_BAD_VALUE, KUSTO_VALUE_OUT_OF_RANGE or KUSTO_UNKNOWN_TYPE.
   */
  next(): ResponseEvent | undefined {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) return event
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isDone) return undefined
      try {
        if (this.#step() !== MORE) continue
        if (this.#feed()) continue
        if (!this.#isClosed) return undefined
        this.#finish()
      } catch (error) {
        // Events that came before the failure are delivered first, whatever the chunks were.
        this.#failure = error
      }
    }
  }

  #step(): typeof MORE | undefined {
    if (this.#format !== undefined) return this.#format.step()
    const c = this.#skipByteOrderMark()
    if (c === MORE) return MORE
    if (c !== 0x5b && c !== 0x7b) this.#json.fail('expected a JSON array (V2) or object (V1)', '$')
    const { types, batchRows, batchBytes, dynamicStrings } = this.#settings
    const settings = { types, batchRows, batchBytes }
    const unwrap = dynamicStrings === 'keep' ? 'nothing' : undefined
    this.#format =
      c === 0x5b
        ? new V2Reader(this.#json, { ...settings, unwrap: unwrap ?? 'containers' }, this.#emit)
        : new V1Reader(this.#json, { ...settings, unwrap: unwrap ?? 'anything' }, this.#emit)
    return undefined
  }

  #skipByteOrderMark(): number | typeof MORE {
    const { window } = this.#json
    if (window.base + window.pos === 0 && window.buf[0] === 0xef) {
      if (window.end < 3) return MORE
      if (window.buf[1] === 0xbb && window.buf[2] === 0xbf) window.pos = 3
    }
    return this.#json.peek()
  }

  /** Moves the next piece of the chunk into the window; false when there is none. */
  #feed(): boolean {
    if (this.#chunk.length === 0) return false
    this.#json.append(this.#chunk.subarray(0, WINDOW_BYTES))
    // An empty view would keep the caller's chunk alive.
    this.#chunk = this.#chunk.length > WINDOW_BYTES ? this.#chunk.subarray(WINDOW_BYTES) : NO_BYTES
    return true
  }

  #finish(): void {
    const error = this.#format === undefined ? noBody(this.#json) : this.#format.finish()
    if (error !== undefined) throw error
    this.#isDone = true
    this.#emit({ kind: 'end' })
  }
}

function noBody(json: JsonReader): KustoProtocolError {
  return new KustoProtocolError('KUSTO_TRUNCATED_RESPONSE', 'expected a response, found an empty body', {
    offset: json.window.base + json.window.end,
    path: '$',
    retryable: true,
  })
}
