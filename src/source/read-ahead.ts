import { AbortScope, untilAborted } from '../base/abort.ts'
import { ByteBudget, type ReleaseBytes } from '../base/byte-budget.ts'

/** Something that gives its pieces one after another, such as a file its row groups. */
export interface PieceSource<T> {
  /** About how many bytes each piece takes in memory, in order. */
  readonly pieceBytes: readonly number[]
  read(piece: number, signal: AbortSignal): Promise<T>
  close(): void
}

export interface ReadAheadOptions<Item> {
  /** Items that are worked on at once. */
  readonly lanes: number
  /** What is held for items whose turn has not come; may be shared between loops. */
  readonly budget: ByteBudget
  /** Bytes that opening the item takes and closing it gives back. */
  readonly openBytes: (item: Item) => number
  readonly signal?: AbortSignal | undefined
}

const NOTHING: ReleaseBytes = () => undefined

/**
 * The pieces of all items in order, read ahead within a budget of bytes. The item whose turn it is never waits for the
 * budget, so what later items hold cannot keep it from going on; beside the budget it holds one piece more than the reader.
 * Leaving the loop, a failure and an abort end all work and wait for it.
 */
export async function* readAhead<Item, T>(
  items: readonly Item[],
  open: (item: Item, signal: AbortSignal) => Promise<PieceSource<T>>,
  options: ReadAheadOptions<Item>,
): AsyncGenerator<T, void, undefined> {
  using scope = new AbortScope(options.signal)
  const lanes: Lane<T>[] = []
  const running: Promise<void>[] = []
  const start = (): void => {
    const item = items[running.length]
    if (item === undefined) return
    const lane = new Lane<T>(options.budget, scope.signal)
    lanes.push(lane)
    running.push(lane.run(() => open(item, scope.signal), options.openBytes(item)))
  }
  try {
    scope.signal.throwIfAborted()
    for (let lane = 0; lane < options.lanes; lane++) start()
    for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift()) {
      lane.takeTurn()
      for (let piece = await lane.next(); piece !== undefined; piece = await lane.next()) {
        try {
          yield piece.value
        } finally {
          piece.release()
        }
      }
      start()
    }
  } finally {
    scope.abort()
    await Promise.all(running)
    for (const lane of lanes) lane.drop()
  }
}

interface Piece<T> {
  readonly value: T
  readonly release: ReleaseBytes
}

/** One item on its way: pieces that are ready wait here for the reader. */
class Lane<T> {
  readonly #budget: ByteBudget
  readonly #signal: AbortSignal
  readonly #turn = new AbortController()
  readonly #ready: Piece<T>[] = []
  #ended = false
  #failure: { readonly error: unknown } | undefined
  readonly #waiters: (() => void)[] = []

  constructor(budget: ByteBudget, signal: AbortSignal) {
    this.#budget = budget
    this.#signal = signal
  }

  takeTurn(): void {
    this.#turn.abort()
    this.#wake()
  }

  /** The next piece; none when the item has no more. */
  async next(): Promise<Piece<T> | undefined> {
    await this.#until(() => this.#ready.length > 0 || this.#ended)
    const piece = this.#ready.shift()
    this.#wake()
    if (piece !== undefined) return piece
    if (this.#failure !== undefined) throw this.#failure.error
    return undefined
  }

  /** Gives back what nobody will read. */
  drop(): void {
    for (const piece of this.#ready.splice(0)) piece.release()
  }

  /** Never rejects: a failure waits for the reader's `next`. */
  async run(open: () => Promise<PieceSource<T>>, openBytes: number): Promise<void> {
    let release = NOTHING
    let source: PieceSource<T> | undefined
    try {
      release = await this.#claim(openBytes)
      source = await open()
      for (const [index, bytes] of source.pieceBytes.entries()) await this.#readPiece(source, index, bytes)
    } catch (error) {
      this.#failure = { error }
    } finally {
      source?.close()
      release()
      this.#ended = true
      this.#wake()
    }
  }

  async #readPiece(source: PieceSource<T>, index: number, bytes: number): Promise<void> {
    // Without a budget to bound it, the item whose turn it is waits for its reader instead.
    await this.#until(() => !this.#turn.signal.aborted || this.#ready.length === 0)
    const release = await this.#claim(bytes)
    try {
      this.#ready.push({ value: await source.read(index, this.#signal), release })
      this.#wake()
    } catch (error) {
      release()
      throw error
    }
  }

  async #claim(bytes: number): Promise<ReleaseBytes> {
    this.#signal.throwIfAborted()
    if (this.#turn.signal.aborted) return NOTHING
    using wait = new AbortScope(this.#signal)
    const onTurn = (): void => wait.abort()
    this.#turn.signal.addEventListener('abort', onTurn, { once: true })
    try {
      return await this.#budget.acquire(bytes, wait.signal)
    } catch (error) {
      this.#signal.throwIfAborted()
      if (this.#turn.signal.aborted) return NOTHING
      throw error
    } finally {
      this.#turn.signal.removeEventListener('abort', onTurn)
    }
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const woken = new Promise<void>((resolve) => void this.#waiters.push(resolve))
      await untilAborted(woken, this.#signal)
    }
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}
