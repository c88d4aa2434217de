#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { KustoError } from '../errors.ts'
import { didYouMean, usageError, type CliCommand, type CommandIo } from './command-line.ts'
import { localCommand } from './local.ts'

const COMMANDS: ReadonlyMap<string, CliCommand> = new Map([['local', localCommand]])

/** Codes of mistakes on the command line itself. */
const USAGE_CODES: ReadonlySet<string> = new Set(['CLI_USAGE', 'KUSTO_BAD_OPTION'])

/** Runs one command line (without node and script) and gives its exit code: 0 done, 1 failed, 2 not understood. */
export async function runCommandLine(args: readonly string[], io: CommandIo): Promise<number> {
  const [word, ...rest] = args
  try {
    if (word === '--version' || word === '-v') {
      io.out(`${await version()}\n`)
      return 0
    }
    if (word === undefined || word === '--help' || word === '-h' || word === 'help') {
      io.out(overview())
      return word === undefined ? 2 : 0
    }
    const command = COMMANDS.get(word)
    if (command === undefined) {
      throw usageError(`unknown command ${word}${didYouMean(word, [...COMMANDS.keys()])}`)
    }
    if (rest.includes('--help') || rest.includes('-h')) {
      io.out(command.help)
      return 0
    }
    return await command.run(rest, io)
  } catch (error) {
    const isUsage = error instanceof KustoError && USAGE_CODES.has(error.code)
    io.err(`kusto-arrow: ${error instanceof Error ? error.message : String(error)}\n`)
    if (isUsage) io.err(`see: kusto-arrow ${COMMANDS.has(word ?? '') ? `${word} ` : ''}--help\n`)
    return isUsage ? 2 : 1
  }
}

function overview(): string {
  const width = Math.max(...[...COMMANDS.keys()].map((word) => word.length))
  const list = [...COMMANDS].map(([word, { summary }]) => `  ${word.padEnd(width)}  ${summary}\n`)
  return `kusto-arrow local --port 8080\n\nCommands:\n${list.join('')}\nkusto-arrow <command> --help tells more, --version the version.\n`
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  const manifest = JSON.parse(text) as { readonly version: string }
  return manifest.version
}

/** Whether this file is what node was asked to run; a test imports it without running it. */
function isEntryPoint(): boolean {
  const script = process.argv[1]
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)
}

if (isEntryPoint()) {
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    signals: process,
    exit: (code) => process.exit(code),
  })
}
