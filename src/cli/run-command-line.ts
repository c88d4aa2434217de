import { readFile } from 'node:fs/promises'
import { paintFor } from './ansi.ts'
import { cancelOnSignal, Interrupted } from './cancel-on-signal.ts'
import type { CliCommand, CliIo } from './cli-command.ts'
import { CliScreen } from './cli-screen.ts'
import { COMMANDS } from './command-table.ts'
import { COMMON_FLAGS } from './common-flags.ts'
import { didYouMean } from './did-you-mean.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { commandHelp, overview } from './help-text.ts'
import { parseWords } from './parse-words.ts'
import { usageError } from './usage-error.ts'

/** Runs one command line (without node and script) and gives its exit code; see `EXIT_CODES`. */
export async function runCommandLine(args: readonly string[], io: CliIo): Promise<number> {
  let screen = new CliScreen(io)
  let command: CliCommand | undefined
  try {
    const paint = paintFor(io.stdout, io.env, args.includes('--no-color'))
    const [word] = args
    if (word === '--version' || word === '-v') {
      io.stdout.write(`${await version()}\n`)
      return EXIT.done
    }
    if (word === undefined || word === '--help' || word === '-h' || (word === 'help' && args.length === 1)) {
      io.stdout.write(overview(COMMANDS, paint))
      return word === undefined ? EXIT.usage : EXIT.done
    }
    const asked = word === 'help' ? args.slice(1) : args
    command = commandOf(asked)
    const words = asked.slice(command.words.split(' ').length)
    if (word === 'help' || beforeOperands(words).some((each) => each === '--help' || each === '-h')) {
      io.stdout.write(commandHelp(command, paint))
      return EXIT.done
    }
    screen = new CliScreen(io, screenOptions(words))
    const { operands, flags } = parseWords(words, command, COMMON_FLAGS)
    return await runCommand(command, { operands, flags }, { io, screen })
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode
    const exitCode = exitCodeOf(error)
    screen.failure(error, exitCode)
    if (exitCode === EXIT.usage && !screen.isJson) {
      io.stderr.write(`see: kusto-arrow ${command === undefined ? '' : `${command.words} `}--help\n`)
    }
    return exitCode
  } finally {
    screen.progress.end()
  }
}

async function runCommand(
  command: CliCommand,
  parsed: ReturnType<typeof parseWords>,
  { io, screen }: { readonly io: CliIo; readonly screen: CliScreen },
): Promise<number> {
  using cancel = cancelOnSignal(io, screen)
  try {
    const code = await command.run({ ...parsed, io, screen, signal: cancel.signal })
    return cancel.exitCode !== undefined && command.words !== 'local' ? cancel.exitCode : code
  } catch (error) {
    if (isClosedPipe(error)) return EXIT.done
    if (cancel.exitCode === undefined) throw error
    screen.progress.end()
    screen.detail(error instanceof Error ? error.message : String(error))
    screen.note('stopped, and cleaned up')
    throw new Interrupted(cancel.exitCode)
  }
}

function commandOf(args: readonly string[]): CliCommand {
  const [first = '', second] = args
  const two = COMMANDS.find(({ words }) => words === `${first} ${second ?? ''}`)
  const one = COMMANDS.find(({ words }) => words === first)
  const command = two ?? one
  if (command !== undefined) return command
  const family = COMMANDS.filter(({ words }) => words.startsWith(`${first} `)).map(({ words }) => words)
  if (family.length > 0 && (second === undefined || second.startsWith('-'))) {
    throw usageError(`${first} needs one of ${family.map((words) => words.slice(first.length + 1)).join(', ')}`)
  }
  const typed = family.length > 0 ? `${first} ${second ?? ''}` : first
  const known = family.length > 0 ? family : [...new Set(COMMANDS.map(({ words }) => words.split(' ')[0] ?? ''))]
  if (first.startsWith('-')) throw usageError(`options such as ${first} go behind the command`)
  throw usageError(`unknown command ${typed}${didYouMean(typed, known)}`)
}

function beforeOperands(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  return end < 0 ? words : words.slice(0, end)
}

/** Read before the rest, so that a mistake in the rest is told as wished. */
function screenOptions(words: readonly string[]): ConstructorParameters<typeof CliScreen>[1] {
  const flags = beforeOperands(words)
  return {
    json: flags.includes('--json'),
    ndjson: flags.includes('--ndjson'),
    quiet: flags.includes('--quiet'),
    verbose: flags.includes('--verbose'),
    noColor: flags.includes('--no-color'),
  }
}

/** The reader of standard output is gone: it has read what it wanted. */
function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest = JSON.parse(text) as { readonly version: string }
  return manifest.version
}
