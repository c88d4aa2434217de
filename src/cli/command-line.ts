import { parseArgs, type ParseArgsConfig } from 'node:util'
import { KustoUsageError } from '../errors.ts'

/** Where a command writes and what ends it. */
export interface CommandIo {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly signals: NodeJS.EventEmitter
  readonly exit: (code: number) => void
}

/** One word of the command line. `run` resolves to the exit code. */
export interface CliCommand {
  readonly summary: string
  readonly help: string
  readonly run: (args: readonly string[], io: CommandIo) => Promise<number>
}

type Flags = NonNullable<ParseArgsConfig['options']>
export type FlagValues = Readonly<Record<string, string | boolean | undefined>>

/**
 * The flags of a command, by name.
 *
 * @throws {KustoUsageError} CLI_USAGE for an unknown flag, a missing value or a word too many
 */
export function parseFlags(args: readonly string[], flags: Flags): FlagValues {
  try {
    const { values } = parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false })
    return values as FlagValues
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1]
    if (unknown === undefined) throw usageError(message.replace(/\. .*$/s, ''))
    const known = Object.keys(flags).map((name) => `--${name}`)
    throw usageError(`unknown option ${unknown}${didYouMean(unknown, known)}`)
  }
}

/** The mistake of whoever typed the command; exit code 2. */
export function usageError(message: string): KustoUsageError {
  return new KustoUsageError('CLI_USAGE', message)
}

/** ` (did you mean X?)` for the nearest of the known words, or nothing when none is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= 2 || candidate.startsWith(word))
    .toSorted((a, b) => a.distance - b.distance)
  return nearest === undefined ? '' : ` (did you mean ${nearest.candidate}?)`
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [row, left] of Array.from(a).entries()) {
    const current = [row + 1]
    for (const [column, right] of Array.from(b).entries()) {
      const replaced = (previous[column] ?? 0) + (left === right ? 0 : 1)
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
