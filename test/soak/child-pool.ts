import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Job, Word } from './soak-child.ts'

/** How a job went on: `killed` when its process is gone. */
export type Turn = Extract<Word, { readonly kind: 'done' | 'failed' | 'stopped' }> | { readonly kind: 'killed' }

/** A process that does one job after another, until it is killed. */
export class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #exited: Promise<unknown>
  readonly #turns: Turn[] = []
  #onWord: (word: Word) => void = () => undefined
  #wake: (() => void) | undefined

  constructor(script: string) {
    this.#process = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdin.on('error', () => undefined)
    const lines = createInterface({ input: this.#process.stdout })
    lines.on('line', (line) => {
      const word = JSON.parse(line) as Word
      this.#onWord(word)
      if (word.kind === 'done' || word.kind === 'failed' || word.kind === 'stopped') this.#push(word)
    })
    this.#exited = Promise.all([once(this.#process, 'exit'), once(lines, 'close')])
    void this.#exited.then(() => this.#push({ kind: 'killed' }))
  }

  start(job: Job, onWord: (word: Word) => void): void {
    this.#onWord = onWord
    this.#process.stdin.write(`${JSON.stringify(job)}\n`)
  }

  /** What comes next: the end of the job, or of the process, or that it was stopped. */
  async next(): Promise<Turn> {
    for (;;) {
      const turn = this.#turns.shift()
      if (turn !== undefined) return turn
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  signal(name: 'SIGCONT' | 'SIGKILL'): void {
    this.#process.kill(name)
  }

  async end(): Promise<void> {
    this.#process.stdin.end()
    this.#process.kill('SIGKILL')
    await this.#exited
  }

  #push(turn: Turn): void {
    this.#turns.push(turn)
    this.#wake?.()
  }
}

/** Processes that are started ahead, because that takes longer than what they do. */
export class ChildPool {
  readonly #script: string
  readonly #idle: Child[] = []
  readonly #all = new Set<Child>()

  constructor(script: string, spares: number) {
    this.#script = script
    for (let spare = 0; spare < spares; spare++) this.#idle.push(this.#start())
  }

  take(): Child {
    return this.#idle.shift() ?? this.#start()
  }

  give(child: Child): void {
    this.#idle.push(child)
  }

  /** One was killed: another one takes its place. */
  replace(child: Child): void {
    this.#all.delete(child)
    this.#idle.push(this.#start())
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((child) => child.end()))
  }

  #start(): Child {
    const child = new Child(this.#script)
    this.#all.add(child)
    return child
  }
}
