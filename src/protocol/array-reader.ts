import { type JsonReader, MORE } from './json-reader.ts'

/** How an array is called in messages. */
export interface ArrayNames {
  /** Where it is, and what is said when something else is there. */
  readonly path: string
  readonly expected: string
  /** What the paths of its elements begin with, and what is said when one is something else. */
  readonly elementPath: string
  readonly expectedElement: string
}

/** Reads the punctuation of one JSON array of objects; the objects are left to the caller. */
export class ArrayReader {
  readonly #json: JsonReader
  readonly #names: ArrayNames
  #state: 'open' | 'first' | 'between' | 'comma' = 'open'
  #index = -1

  constructor(json: JsonReader, names: ArrayNames) {
    this.#json = json
    this.#names = names
  }

  /** Of the object that was begun last; -1 before the first. */
  get index(): number {
    return this.#index
  }

  /** Where {@link index} is. */
  get path(): string {
    return this.#pathOf(this.#index)
  }

  /** Goes on; answers that an object is next, which the caller consumes before it goes on, or that the array has ended. */
  step(): 'object' | 'end' | typeof MORE {
    const json = this.#json
    for (;;) {
      const c = json.peek()
      if (c === MORE) return MORE
      if (this.#state === 'open') {
        if (c !== 0x5b) json.fail(this.#names.expected, this.#names.path)
        this.#state = 'first'
      } else if (c === 0x7b && this.#state !== 'between') {
        this.#index++
        this.#state = 'between'
        return 'object'
      } else if (c === 0x5d && this.#state !== 'comma') {
        json.accept()
        return 'end'
      } else if (c === 0x2c && this.#state === 'between') this.#state = 'comma'
      else json.fail(this.#names.expectedElement, this.#pathOf(this.#index + 1))
      json.accept()
    }
  }

  #pathOf(index: number): string {
    return `${this.#names.elementPath}[${index}]`
  }
}
