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
  /** Pieces of the item whose turn it is that are read at once; those after the first within the budget. Default 1. */
  readonly piecesAtOnce?: number
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
 * Where the budget has room it reads several pieces at once, so that the last item and a single one keep all threads busy.
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
    const lane = new Lane<T>(options.budget, options.piecesAtOnce ?? 1, scope.signal)
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

type Outcome<T> = { readonly value: T } | { readonly error: unknown }

/** A piece that is being read. Its outcome never rejects. */
interface Reading<T> {
  readonly outcome: Promise<Outcome<T>>
  readonly release: ReleaseBytes
}

async function outcomeOf<T>(read: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await read() }
  } catch (error) {
    return { error }
  }
}

/** One item on its way: pieces that are ready wait here for the reader. */
class Lane<T> {
  readonly #budget: ByteBudget
  readonly #piecesAtOnce: number
  readonly #signal: AbortSignal
  readonly #turn = new AbortController()
  readonly #ready: Piece<T>[] = []
  #ended = false
  #failure: { readonly error: unknown } | undefined
  readonly #waiters: (() => void)[] = []

  constructor(budget: ByteBudget, piecesAtOnce: number, signal: AbortSignal) {
    this.#budget = budget
    this.#piecesAtOnce = piecesAtOnce
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
      await this.#readPieces(source)
    } catch (error) {
      this.#failure = { error }
    } finally {
      source?.close()
      release()
      this.#ended = true
      this.#wake()
    }
  }

  async #readPieces(source: PieceSource<T>): Promise<void> {
    const reading: Reading<T>[] = []
    try {
      for (const [index, bytes] of source.pieceBytes.entries()) {
        let release = this.#claimBeside(reading, bytes)
        while (release === undefined && reading.length > 0) {
          await this.#finish(reading)
          release = this.#claimBeside(reading, bytes)
        }
        if (release === undefined) {
          // Without a budget to bound it, the item whose turn it is waits for its reader instead.
          await this.#until(() => !this.#turn.signal.aborted || this.#ready.length === 0)
          release = await this.#claim(bytes)
        }
        reading.push({ outcome: outcomeOf(() => source.read(index, this.#signal)), release })
      }
      while (reading.length > 0) await this.#finish(reading)
    } finally {
      await Promise.all(reading.map(({ outcome }) => outcome))
      for (const { release } of reading) release()
    }
  }

  /** What lets one more piece be read beside those that are being read. */
  #claimBeside(reading: readonly Reading<T>[], bytes: number): ReleaseBytes | undefined {
    const isFree = this.#turn.signal.aborted && reading.length > 0 && reading.length < this.#piecesAtOnce
    return isFree && !this.#signal.aborted ? this.#budget.tryAcquire(bytes) : undefined
  }

  /** The oldest piece that is being read becomes ready. */
  async #finish(reading: Reading<T>[]): Promise<void> {
    const outcome = await reading[0]?.outcome
    if (outcome === undefined) return
    if ('error' in outcome) throw outcome.error
    const [piece] = reading.splice(0, 1)
    this.#ready.push({ value: outcome.value, release: piece?.release ?? NOTHING })
    this.#wake()
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
