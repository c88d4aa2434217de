import { type JsonReader, MORE } from './json-reader.ts'

/**
 * Reads the members of one JSON object as their bytes arrive. Values are parsed and kept by key, except those of
 * `streamed` keys: there it stops with the reader before the value, which the caller consumes before it goes on.
 */
export class ObjectReader {
  readonly fields: Map<string, unknown> = new Map()
  readonly #json: JsonReader
  readonly #path: string
  readonly #streamed: ReadonlySet<string>
  #state: 'open' | 'first-key' | 'key' | 'colon' | 'value' | 'after-value' = 'open'
  #key = ''

  constructor(json: JsonReader, path: string, streamed: ReadonlySet<string>) {
    this.#json = json
    this.#path = path
    this.#streamed = streamed
  }

  /** Goes on; answers the streamed key whose value is next, or that the object has ended. */
  step(): { readonly streamed: string } | 'end' | typeof MORE {
    const json = this.#json
    for (;;) {
      const c = json.peek()
      if (c === MORE) return MORE
      switch (this.#state) {
        case 'open':
          if (c !== 0x7b) json.fail('expected an object', this.#path)
          json.accept()
          this.#state = 'first-key'
          break
        case 'first-key':
        case 'key': {
          if (c === 0x7d && this.#state === 'first-key') {
            json.accept()
            return 'end'
          }
          if (c !== 0x22) json.fail('expected a property name', this.#path)
          const key = json.takeValue(this.#path)
          if (key === MORE) return MORE
          this.#key = String(key)
          this.#state = 'colon'
          break
        }
        case 'colon':
          if (c !== 0x3a) json.fail('expected a colon', this.#path)
          json.accept()
          this.#state = 'value'
          break
        case 'value': {
          if (this.#streamed.has(this.#key)) {
            this.#state = 'after-value'
            return { streamed: this.#key }
          }
          const value = json.takeValue(`${this.#path}.${this.#key}`)
          if (value === MORE) return MORE
          this.fields.set(this.#key, value)
          this.#state = 'after-value'
          break
        }
        case 'after-value':
          if (c !== 0x2c && c !== 0x7d) json.fail('expected a comma or the end of the object', this.#path)
          json.accept()
          if (c === 0x7d) return 'end'
          this.#state = 'key'
          break
      }
    }
  }
}
