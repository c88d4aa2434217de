import type { EventEmitter } from 'node:events'
import type { CliScreen } from './cli-screen.ts'
import type { Flag, FlagValues } from './flags.ts'

/** A stream that a command writes to; `process.stdout` is one. */
export type CliStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** What a command has of the world around it. */
export interface CliIo {
  /** Data, and nothing else. */
  readonly stdout: CliStream
  /** Progress, notes and errors. */
  readonly stderr: CliStream
  readonly stdin: AsyncIterable<Uint8Array | string> & {
    readonly isTTY?: boolean
    /** Closes it; who waits for bytes gets an error. */
    destroy(): void
  }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Emits `SIGINT` and `SIGTERM`. */
  readonly signals: EventEmitter
  /** Ends the process at once. */
  readonly exit: (code: number) => void
}

/** One run of a command. */
export interface CliCall {
  /** The words that are no flags, as many as the command's `operands` ask for. */
  readonly operands: readonly string[]
  readonly flags: FlagValues
  readonly io: CliIo
  readonly screen: CliScreen
  /** Aborted by the first SIGINT or SIGTERM; the command then cleans up and ends. */
  readonly signal: AbortSignal
}

/** A word of the command line that is no flag. */
export interface Operand {
  /** As help shows it: `query`, `files`. */
  readonly name: string
  /** May be left out. */
  readonly optional?: true
  /** This and all that follow; the last operand only. */
  readonly many?: true
  readonly help: string
}

export interface Example {
  /** A whole command line, as it can be typed. */
  readonly line: string
  readonly says: string
}

/**
 * One command: the data that help, completions, suggestions and parsing are made of, and what runs it. A command's file
 * imports its work only inside `run`, so that help of any command loads none of it.
 */
export interface CliCommand {
  /** One or two words: `read`, `bench export`. */
  readonly words: string
  readonly summary: string
  readonly examples: readonly Example[]
  readonly operands: readonly Operand[]
  /** Flags of this command; those of all commands are not among them. */
  readonly flags: readonly Flag[]
  /** Further paragraphs of the help. */
  readonly notes?: readonly string[]
  /** Does the work and gives the exit code. */
  readonly run: (call: CliCall) => Promise<number>
}
