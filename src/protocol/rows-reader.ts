import type { TableDecoder } from '../arrow/decode-table.ts'
import { type JsonReader, MORE, parseRaw } from './json-reader.ts'
import { failureInside } from './response-failure.ts'

/** Reads one array of rows into a table, as its bytes arrive. */
export class RowsReader {
  readonly #json: JsonReader
  readonly #decoder: TableDecoder
  readonly #path: string
  #state: 'open' | 'rows' | 'cut-row' | 'object' = 'open'

  constructor(json: JsonReader, decoder: TableDecoder, path: string) {
    this.#json = json
    this.#decoder = decoder
    this.#path = path
  }

  /**
   * Goes on until a batch is full (take it and call again), the rows end, or the bytes run out.
   * @throws {KustoServiceError} when an error stands in place of a row.
   */
  step(): 'batch' | 'end' | typeof MORE {
    const json = this.#json
    if (this.#state === 'open') {
      const c = json.peek()
      if (c === MORE) return MORE
      if (c !== 0x5b) json.fail('expected an array of rows', this.#path)
      json.accept()
      this.#state = 'rows'
    }
    if (this.#state === 'object') return this.#readObject()
    // A row cut by the end of a chunk is not tried again before its end is there: long rows cost linear time.
    if (this.#state === 'cut-row' && !json.isComplete()) return MORE
    this.#state = 'rows'
    const step = this.#decoder.decode(json.window, this.#path)
    if (step === 'object') {
      this.#state = 'object'
      return this.#readObject()
    }
    if (step !== 'more') return step
    if (!json.isComplete()) this.#state = 'cut-row'
    return MORE
  }

  #readObject(): typeof MORE {
    const json = this.#json
    const path = `${this.#path}[${this.#decoder.rows}]`
    let c = json.peek()
    if (c === 0x2c) {
      json.accept()
      c = json.peek()
    }
    if (c === MORE) return MORE
    const raw = json.takeRaw(path)
    if (raw === MORE) return MORE
    const failure = failureInside(parseRaw(raw, path))
    if (failure !== undefined) throw failure
    return json.fail('expected a row before this, found an object that holds no error', path)
  }
}
