import { randomUUID } from 'node:crypto'
import { badRequest } from '../engine/entity-errors.ts'
import { LocalError, notSupported } from '../server/local-error.ts'
import { Properties } from './command-arguments.ts'
import {
  schemaOf,
  tableOf,
  type CommandContext,
  type CommandFamily,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { Scanner } from './scan.ts'

/** Commands that run other commands. */
export const SCRIPT_COMMANDS: CommandFamily = {
  ExecuteDatabaseScript: { run: runScript },
}

const RESULT = schemaOf('OperationId:guid,CommandType:string,CommandText:string,Result:string,Reason:string')

/**
 * `.execute database script [with (ContinueOnErrors = b, ThrowOnErrors = b)] <| commands`. One after the other and not as
 * a transaction: what came before a failure stays. Commands that show are skipped.
 */
async function runScript(context: CommandContext): Promise<CommandResult> {
  const { properties, script } = parseScript(context.text)
  const goesOn = properties.bool('ContinueOnErrors') ?? false
  const throws = properties.bool('ThrowOnErrors') ?? false
  if (goesOn && throws) throw badRequest('ContinueOnErrors and ThrowOnErrors exclude each other')
  const rows: RowRecord[] = []
  for (const text of splitScript(script)) {
    context.request.signal.throwIfAborted()
    const row = { OperationId: randomUUID(), CommandType: commandType(text), CommandText: text }
    if (/^\.show\b/i.test(text)) {
      rows.push({ ...row, Result: 'Skipped' })
      continue
    }
    if (/^\.\S+\s+async\b/i.test(text) || /^\.execute\b/i.test(text)) throw notSupported('this command in a script')
    try {
      await context.runStatement(text)
      rows.push({ ...row, Result: 'Completed' })
    } catch (error) {
      if (throws || !(error instanceof LocalError)) throw error
      rows.push({ ...row, Result: 'Failed', Reason: error.message })
      if (!goesOn) break
    }
  }
  return tableOf(RESULT, rows)
}

interface Script {
  readonly properties: Properties<'ContinueOnErrors' | 'ThrowOnErrors'>
  readonly script: string
}

function parseScript(text: string): Script {
  const scanner = new Scanner(text)
  scanner.expect('.', 'execute', 'database', 'script')
  const properties = new Properties(
    'ExecuteDatabaseScript',
    ['ContinueOnErrors', 'ThrowOnErrors'],
    scanner.properties(),
  )
  scanner.expect('<|')
  return { properties, script: scanner.rest() }
}

/** A command begins with a dot at the beginning of a line; comments between commands belong to nobody. */
export function splitScript(script: string): readonly string[] {
  const starts: number[] = []
  const scanner = new Scanner(script)
  let end = 0
  while (scanner.next.kind !== 'end') {
    const { text, start } = scanner.next
    if (text === '.' && /(?:^|\n)[^\S\n]*$/.test(script.slice(end, start))) starts.push(start)
    else if (starts.length === 0) throw badRequest('a script is a list of commands, each on a line of its own')
    end = scanner.take().end
  }
  if (starts.length === 0) throw badRequest('the script holds no command')
  return starts.map((start, index) => script.slice(start, starts[index + 1]).trim())
}

/** Kinds as the log of operations has them: `TableCreate`, `RetentionPolicyAlter`; empty where the name is not known. */
function commandType(text: string): string {
  const policy = /^\.(alter|alter-merge|delete)\s+tables?\b.*?\spolicy\s+([a-z_]+)/is.exec(text)
  if (policy !== null) return `${titled(policy[2] ?? '')}Policy${titled(policy[1] ?? '')}`
  if (/^\.create(-merge)?\s+table\b/i.test(text)) return 'TableCreate'
  return /^\.drop\s+table\b/i.test(text) ? 'TableDrop' : ''
}

function titled(words: string): string {
  return words
    .split(/[-_]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('')
}
