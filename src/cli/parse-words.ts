import type { CliCommand } from './cli-command.ts'
import { didYouMean } from './did-you-mean.ts'
import { FlagValues } from './flags.ts'
import type { Flag } from './flags.ts'
import { refuseSecrets } from './refuse-secrets.ts'
import { usageError } from './usage-error.ts'

export interface ParsedWords {
  readonly operands: readonly string[]
  readonly flags: FlagValues
}

/**
 * Reads what follows the command's own words: `--name value`, `--name=value`, operands, and `--` before operands that
 * begin with a dash. A single `-` is an operand.
 * @throws {KustoUsageError} CLI_USAGE for an unknown flag, a missing or bad value, a secret, a word too many or too few
 */
export function parseWords(words: readonly string[], command: CliCommand, common: readonly Flag[]): ParsedWords {
  const flags = [...command.flags, ...common]
  const byName = new Map(flags.map((flag) => [flag.name, flag]))
  const given = new Map<string, string[]>()
  const operands: string[] = []
  const queue = [...words]
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      operands.push(...queue.splice(0))
    } else if (word.startsWith('-') && word !== '-') {
      const { name, inline } = splitFlag(word)
      refuseSecrets(name)
      const flag = byName.get(name)
      if (flag === undefined || !word.startsWith('--')) {
        const known = flags.map((candidate) => `--${candidate.name}`)
        throw usageError(`unknown option ${word.split('=')[0] ?? word}${didYouMean(`--${name}`, known)}`)
      }
      given.set(name, [...(given.get(name) ?? []), valueOf(flag, inline, queue)])
    } else {
      operands.push(word)
    }
  }
  checkOperands(operands, command)
  for (const [name, texts] of given) for (const text of texts) refuseSecrets(name, text)
  return { operands, flags: new FlagValues(flags, given) }
}

function splitFlag(word: string): { readonly name: string; readonly inline: string | undefined } {
  const equals = word.indexOf('=')
  const name = (equals < 0 ? word : word.slice(0, equals)).replace(/^--?/, '')
  return { name, inline: equals < 0 ? undefined : word.slice(equals + 1) }
}

function valueOf(flag: Flag, inline: string | undefined, queue: string[]): string {
  if (flag.kind === 'switch') {
    if (inline !== undefined) throw usageError(`--${flag.name} takes no value, found ${inline}`)
    return ''
  }
  if (inline !== undefined) return inline
  const [next] = queue
  const isValue = next !== undefined && (!next.startsWith('-') || next === '-' || /^-\d/.test(next))
  const isOptional = flag.kind === 'text' && flag.isOptional === true
  // What follows an optional value may be an operand: only a name with an ending is taken.
  if (isOptional && (!isValue || !/\.\w+$/.test(next) || next.includes(' '))) return ''
  if (!isValue) throw usageError(`--${flag.name} needs a value`)
  queue.shift()
  return next
}

function checkOperands(found: readonly string[], { operands, words }: CliCommand): void {
  const missing = operands.find((operand, index) => operand.optional !== true && index >= found.length)
  if (missing !== undefined)
    throw usageError(`${words} needs ${missing.many === true ? 'one or more ' : 'a '}${missing.name}`)
  if (operands.at(-1)?.many === true || found.length <= operands.length) return
  throw usageError(`a word too many: ${found[operands.length] ?? ''}; quote a text that has blanks`)
}
