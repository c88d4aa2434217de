import { isRichTerminal } from './ansi.ts'
import type { Paint } from './ansi.ts'
import type { CliStream } from './cli-command.ts'
import { formatBytes, formatCount, formatDuration, formatRows } from './quantities.ts'

/** How far a phase has come. What is left out stays as it was. */
export interface ProgressState {
  readonly rows?: number
  readonly bytes?: number
  /** All rows there will be, where that is known: it gives the bar and the time left. */
  readonly totalRows?: number
  /** All bytes there will be. */
  readonly totalBytes?: number
  /** A few words in place of numbers. */
  readonly note?: string
}

export interface ProgressOptions {
  readonly stream: CliStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly paint: Paint
  readonly isSilent: boolean
  /** Milliseconds on a steady clock. */
  readonly now?: () => number
}

const REDRAW_MS = 100
const TICK_MS = 250
const LINE_MS = 10_000
const BAR_CELLS = 20
/** Shorter phases are not worth a line. */
const TOLD_MS = 1_000

/**
 * Tells how work goes: one line that is drawn again on a terminal; elsewhere a line at the end of a phase, and one each
 * ten seconds of a long one.
 */
export class Progress {
  readonly #options: ProgressOptions
  readonly #now: () => number
  readonly #isLive: boolean
  #phase: { readonly name: string; readonly startedAt: number; state: ProgressState } | undefined
  #toldAt = 0
  #drawn = false
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#isLive = !options.isSilent && isRichTerminal(options.stream, options.env)
  }

  /** Begins a phase; the one before it ends. */
  phase(name: string, state: ProgressState = {}): void {
    if (this.#options.isSilent || this.#phase?.name === name) return
    this.end()
    this.#phase = { name, startedAt: this.#now(), state }
    this.#toldAt = this.#now()
    if (!this.#isLive) return
    this.#draw()
    this.#timer = setInterval(() => this.#draw(), TICK_MS)
    this.#timer.unref()
  }

  update(state: ProgressState): void {
    if (this.#phase === undefined) return
    this.#phase.state = { ...this.#phase.state, ...state }
    const sinceTold = this.#now() - this.#toldAt
    if (sinceTold < (this.#isLive ? REDRAW_MS : LINE_MS)) return
    if (this.#isLive) this.#draw()
    else this.#line(this.#describe())
  }

  /** Ends the phase: takes the line away, and elsewhere tells what came of it. */
  end(): void {
    clearInterval(this.#timer)
    this.clear()
    const phase = this.#phase
    if (phase !== undefined && !this.#isLive && this.#now() - phase.startedAt >= TOLD_MS) this.#line(this.#describe())
    this.#phase = undefined
  }

  /** Takes the line away, for other text; the next update draws it again. */
  clear(): void {
    if (this.#drawn) this.#options.stream.write('\r\u001B[2K')
    this.#drawn = false
  }

  #line(text: string): void {
    this.#toldAt = this.#now()
    this.#options.stream.write(`${text}\n`)
  }

  #draw(): void {
    this.#toldAt = this.#now()
    const width = Math.max(20, (this.#options.stream.columns ?? 80) - 1)
    const text = this.#describe()
    const bar = this.#bar(width - text.length - 2)
    this.#options.stream.write(`\r\u001B[2K${text.slice(0, width)}${bar}`)
    this.#drawn = true
  }

  #describe(): string {
    if (this.#phase === undefined) return ''
    const { name, startedAt, state } = this.#phase
    const { rows, bytes, totalRows, note } = state
    const elapsedMs = this.#now() - startedAt
    const done = this.#fraction()
    const parts = [
      note,
      rows === undefined
        ? undefined
        : totalRows === undefined
          ? formatRows(rows)
          : `${rows.toLocaleString('en')} of ${formatRows(totalRows)}`,
      bytes === undefined || bytes === 0 ? undefined : formatBytes(bytes),
      rows === undefined || rows === 0 || elapsedMs < 500
        ? undefined
        : `${formatCount((rows / elapsedMs) * 1000)} rows/s`,
      formatDuration(elapsedMs),
      done !== undefined && done > 0.02 && done < 1 && elapsedMs > 1000
        ? `${formatDuration((elapsedMs / done) * (1 - done))} left`
        : undefined,
    ]
    return `${name}: ${parts.filter((part) => part !== undefined).join(', ')}`
  }

  #fraction(): number | undefined {
    const { rows, totalRows, bytes, totalBytes } = this.#phase?.state ?? {}
    if (rows !== undefined && totalRows !== undefined && totalRows > 0) return Math.min(1, rows / totalRows)
    if (bytes !== undefined && totalBytes !== undefined && totalBytes > 0) return Math.min(1, bytes / totalBytes)
    return undefined
  }

  #bar(room: number): string {
    const done = this.#fraction()
    const cells = Math.min(BAR_CELLS, room)
    if (done === undefined || cells < 6) return ''
    const full = Math.round(done * cells)
    const { cyan, dim } = this.#options.paint
    return ` ${cyan('━'.repeat(full))}${dim('━'.repeat(cells - full))}`
  }
}
