import { once } from 'node:events'
import { paintFor } from './ansi.ts'
import type { Paint } from './ansi.ts'
import type { CliIo, CliStream } from './cli-command.ts'
import { describeError } from './describe-error.ts'
import { Progress } from './progress.ts'

export interface ScreenOptions {
  readonly json: boolean
  readonly ndjson: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly noColor: boolean
}

export const PLAIN_SCREEN: ScreenOptions = { json: false, ndjson: false, quiet: false, verbose: false, noColor: false }

/** Where a command says things: results on standard output, all else on standard error. */
export class CliScreen {
  /** For standard output. */
  readonly paint: Paint
  readonly progress: Progress
  readonly isVerbose: boolean
  readonly isJson: boolean
  readonly #io: CliIo
  readonly #options: ScreenOptions
  readonly #errPaint: Paint

  constructor(io: CliIo, options: ScreenOptions = PLAIN_SCREEN) {
    this.#io = io
    this.#options = options
    this.isVerbose = options.verbose
    this.isJson = options.json || options.ndjson
    this.paint = paintFor(io.stdout, io.env, options.noColor)
    this.#errPaint = paintFor(io.stderr, io.env, options.noColor)
    const isSilent = options.quiet || options.ndjson
    this.progress = new Progress({ stream: io.stderr, env: io.env, paint: this.#errPaint, isSilent })
  }

  /** A line for people; not with `--quiet` or `--ndjson`. */
  note(text: string): void {
    if (!this.#options.quiet && !this.#options.ndjson) this.#say(text)
  }

  /** A line for those who want to know more: with `--verbose`. */
  detail(text: string): void {
    if (this.#options.verbose && !this.#options.ndjson) this.#say(this.#errPaint.dim(text))
  }

  warn(text: string): void {
    if (this.#options.ndjson) this.event({ kind: 'warning', message: text })
    else this.#say(`${this.#errPaint.yellow('warning:')} ${text}`)
  }

  /** An event of the work: a line of JSON with `--ndjson`, nothing otherwise. */
  event(event: Readonly<Record<string, unknown>> & { readonly kind: string }): void {
    if (this.#options.ndjson) this.#io.stderr.write(`${toJson(event)}\n`)
  }

  /** The command's result: JSON where that is asked for, else the text. */
  async result(document: unknown, text: string | (() => string)): Promise<void> {
    this.progress.end()
    if (this.#options.ndjson) await writeAll(this.#io.stdout, `${toJson(document)}\n`)
    else if (this.#options.json) await writeAll(this.#io.stdout, `${toJson(document, 2)}\n`)
    else await writeAll(this.#io.stdout, typeof text === 'string' ? text : text())
  }

  /** Tells what went wrong, in words or as JSON. */
  failure(error: unknown, exitCode: number): void {
    this.progress.end()
    const told = describeError(error, exitCode)
    if (this.isJson) {
      const document = this.#options.ndjson ? { kind: 'error', ...told.document } : { error: told.document }
      this.#io.stderr.write(`${toJson(document, this.#options.ndjson ? undefined : 2)}\n`)
      return
    }
    this.#say(`${this.#errPaint.red('kusto-arrow:')} ${told.message}`)
    for (const line of this.#options.verbose ? [...told.lines, ...told.causes] : told.lines) this.#say(`  ${line}`)
  }

  #say(text: string): void {
    this.progress.clear()
    this.#io.stderr.write(`${text}\n`)
  }
}

/** Writes, and waits while the reader of the stream is slower. */
export async function writeAll(stream: CliStream, data: string | Uint8Array): Promise<void> {
  if (data.length > 0 && !stream.write(data)) await once(stream, 'drain')
}

/** JSON with bigints as numbers, all digits kept. */
export function toJson(value: unknown, indent?: number): string {
  // A bigint has no JSON form; its digits stand between marks that no text of ours holds, and lose their quotes here.
  const text = JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === 'bigint' ? `\u0001${item}\u0001` : item),
    indent,
  )
  return text.replaceAll(/"\\u0001(-?\d+)\\u0001"/g, '$1')
}
