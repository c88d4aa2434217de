import { performance } from 'node:perf_hooks'
import { styleText } from 'node:util'

interface Phase {
  readonly name: string
  readonly rows: number | undefined
  readonly bytes: number | undefined
  readonly seconds: number
}

/** A short report of phases: live progress on a terminal, one line per phase elsewhere, a table at the end. */
export class Report {
  readonly #out: NodeJS.WriteStream
  readonly #live: boolean
  readonly #startedAt = performance.now()
  readonly #phases: Phase[] = []
  #phase: { readonly name: string; readonly startedAt: number } | undefined
  #drawnAt = 0

  /** Progress goes to `out`; the report itself goes to stdout. */
  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.#live = out.isTTY && process.env['TERM'] !== 'dumb'
  }

  start(name: string): void {
    this.#phase = { name, startedAt: performance.now() }
    if (this.#live) this.#draw(name)
    else this.#out.write(`${name} ...\n`)
  }

  /** Shown at most ten times a second, on a terminal only. */
  progress(text: string): void {
    const now = performance.now()
    if (!this.#live || this.#phase === undefined || now - this.#drawnAt < 100) return
    this.#drawnAt = now
    this.#draw(`${this.#phase.name}: ${text}, ${((now - this.#phase.startedAt) / 1000).toFixed(1)} s`)
  }

  end(counts: { readonly rows?: number; readonly bytes?: number } = {}): void {
    if (this.#phase === undefined) return
    const seconds = (performance.now() - this.#phase.startedAt) / 1000
    this.#phases.push({ name: this.#phase.name, rows: counts.rows, bytes: counts.bytes, seconds })
    this.#phase = undefined
    if (this.#live) this.#draw('')
  }

  answer(title: string, rows: readonly Readonly<Record<string, unknown>>[]): void {
    console.log(`\n${title}`)
    for (const row of rows) {
      console.log(
        `  ${Object.entries(row)
          .map(([name, value]) => `${name} ${shown(value)}`)
          .join(', ')}`,
      )
    }
  }

  /** Prints the table and the comparison; throws when a number differs. */
  compare(left: string, a: Readonly<Record<string, string>>, right: string, b: Readonly<Record<string, string>>): void {
    this.#table()
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])]
    const width = Math.max(...names.map((name) => name.length))
    console.log(`\n${'checksum'.padEnd(width)}  ${left.padEnd(16)}  ${right.padEnd(16)}`)
    const different = names.filter((name) => a[name] !== b[name])
    for (const name of names) {
      const verdict = different.includes(name) ? styleText('red', 'DIFFERENT') : styleText('green', 'same')
      console.log(`${name.padEnd(width)}  ${(a[name] ?? '-').padEnd(16)}  ${(b[name] ?? '-').padEnd(16)}  ${verdict}`)
    }
    if (different.length > 0) {
      throw new Error(`the rows that came back are not the rows that were sent: ${different.join(', ')} differ`)
    }
    const seconds = (performance.now() - this.#startedAt) / 1000
    const memory = process.resourceUsage().maxRSS / 1024
    console.log(
      `\nEvery row came back, none twice, none changed: ${seconds.toFixed(1)} s, at most ${memory.toFixed(0)} MB of memory.`,
    )
  }

  fail(error: unknown): void {
    if (this.#live) this.#draw('')
    const where = this.#phase === undefined ? '' : ` while: ${this.#phase.name}`
    this.#out.write(`failed${where}\n${error instanceof Error ? error.message : String(error)}\n`)
  }

  #table(): void {
    const width = Math.max(...this.#phases.map((phase) => phase.name.length))
    console.log(
      `\n${'phase'.padEnd(width)}  ${'rows'.padStart(10)}  ${'MB'.padStart(6)}  ${'seconds'.padStart(7)}  ${'rows/s'.padStart(11)}`,
    )
    for (const { name, rows, bytes, seconds } of this.#phases) {
      const cells = [
        count(rows).padStart(10),
        (bytes === undefined ? '' : (bytes / 1e6).toFixed(1)).padStart(6),
        seconds.toFixed(2).padStart(7),
        (rows === undefined || rows < 1000 ? '' : count(Math.round(rows / seconds))).padStart(11),
      ]
      console.log(`${name.padEnd(width)}  ${cells.join('  ')}`)
    }
  }

  #draw(line: string): void {
    this.#out.write(`\r\u001B[2K${line.slice(0, (this.#out.columns || 80) - 1)}`)
  }
}

const count = (value: number | undefined): string => (value === undefined ? '' : value.toLocaleString('en'))

const shown = (value: unknown): string => (typeof value === 'number' ? value.toFixed(1) : String(value))
