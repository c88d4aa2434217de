import type { DatabaseRecord } from '../engine/catalog-state.ts'
import { databaseNotExist, syntaxError } from '../engine/entity-errors.ts'
import type { OperationResult } from '../engine/operations.ts'
import type { CommandAnalysis } from '../lang/syntax.ts'
import { notSupported } from '../server/local-error.ts'
import type { Services } from '../services.ts'
import { resourceCommand } from '../storage/resource-commands.ts'
import { CommandArguments } from './command-arguments.ts'
import { COMMANDS } from './command-table.ts'
import {
  schemaOf,
  type CommandContext,
  type CommandDefinition,
  type CommandRequest,
  type CommandResult,
} from './command.ts'
import { pipeInto } from './evaluate.ts'
import { findHandParsed } from './hand-parsed.ts'
import { findArrow } from './scan.ts'

export type { CommandRequest, CommandResult } from './command.ts'

const OPERATION_ID = schemaOf('OperationId:guid')

/**
 * Runs a management command.
 * @throws {LocalError} 400 in Kusto's shape: a syntax error, a missing entity, or BadRequest_NotSupportedByEmulator for
 * every command, form and property that is not supported exactly
 */
export async function runCommand(services: Services, request: CommandRequest): Promise<CommandResult> {
  request.signal.throwIfAborted()
  const resources = resourceCommand(services, request.text)
  if (resources !== undefined) return resources
  const found = await understand(services, request)
  const { definition, args } = found
  const database = resolveDatabase(services, request.database, definition.anyDatabase ?? false)
  const keepDetails = definition.keepDetails?.(args, found.isAsync) ?? true
  const options = { keepDetails, clientRequestId: request.clientRequestId }
  const work = (signal: AbortSignal, operationId?: string): Promise<OperationResult> =>
    execute(services, { ...request, signal }, database, found, operationId)
  if (definition.operation === undefined) {
    if (found.isAsync) throw notSupported(`async ${args.name}`)
    return work(request.signal)
  }
  if (found.isAsync) {
    const id = services.operations.start(definition.operation, database.name, work, options)
    return { columns: OPERATION_ID, rows: [[id]] }
  }
  return services.operations.run(definition.operation, database.name, request.signal, work, options)
}

/** What a text asks for. */
interface Understood {
  readonly definition: CommandDefinition
  readonly args: CommandArguments
  readonly isAsync: boolean
  readonly text: string
  readonly columns: CommandContext['columns']
  /** What follows the first `|` of a piped command. */
  readonly pipe: string | undefined
}

async function understand(services: Services, request: CommandRequest): Promise<Understood> {
  const scope = services.catalog.database(request.database)?.name ?? services.defaultDatabase
  const arrow = findArrow(request.text)
  const analysis = await services.language.analyze(withoutBody(request.text, arrow), { database: scope })
  if (analysis.kind === 'query') throw syntaxError('a query is not a management command; send it to /v2/rest/query')
  const args = new CommandArguments(analysis)
  const byHand = findHandParsed(analysis)
  if (byHand !== undefined) return { ...byHand, args }
  checkForm(analysis, arrow)
  const definition = COMMANDS.get(analysis.name ?? '')
  if (definition === undefined) throw notSupported(`command ${analysis.name ?? ''}`)
  // A bar behind `<|` belongs to the query.
  const { pipe } = analysis
  const { text } = request
  const piped = pipe !== undefined && (arrow === undefined || pipe.start <= arrow) ? pipe : undefined
  return {
    definition,
    args,
    isAsync: args.has('async'),
    text: piped === undefined ? text : text.slice(0, piped.start).replace(/\|\s*$/, ''),
    columns: analysis.resultColumns ?? [],
    pipe: piped === undefined ? undefined : text.slice(piped.start, piped.end),
  }
}

/**
 * Inline data is not for the parser: it may be long and is no KQL. The commands of a script are analysed each for itself,
 * since the parser takes seconds for several of them together.
 */
function withoutBody(text: string, arrow: number | undefined): string {
  if (arrow === undefined) return text
  if (/^\s*\.ingest\s+inline\b/i.test(text)) return `${text.slice(0, arrow)} 0`
  return /^\s*\.execute\s+database\s+script\b/i.test(text) ? `${text.slice(0, arrow)} .show version` : text
}

/** Findings about names are left to the commands: only they know what may be missing. */
const NAME_FINDINGS: ReadonlySet<string> = new Set(['KS142', 'KS204'])

function checkForm(analysis: CommandAnalysis, arrow: number | undefined): void {
  const end = Math.min(arrow ?? Infinity, analysis.pipe?.start ?? Infinity)
  const problem = analysis.diagnostics.find(
    ({ severity, code, start }) => severity === 'error' && start < end && !NAME_FINDINGS.has(code),
  )
  if (problem !== undefined) throw syntaxError(problem.message, problem.start)
  if (analysis.form === 'UnknownCommand') throw notSupported('this command')
  if (analysis.form !== 'CustomCommand') {
    throw notSupported(`this form of ${analysis.name ?? 'the command'}`, 'the text was not understood to its end')
  }
}

function resolveDatabase(services: Services, name: string, isAnyGood: boolean): DatabaseRecord {
  const { catalog, defaultDatabase } = services
  const wanted = name === '' || name.toLowerCase() === 'netdefaultdb' ? defaultDatabase : name
  const found = catalog.database(wanted) ?? (isAnyGood ? catalog.database(defaultDatabase) : undefined)
  if (found === undefined) throw databaseNotExist(name)
  return found
}

async function execute(
  services: Services,
  request: CommandRequest,
  database: DatabaseRecord,
  found: Understood,
  operationId: string | undefined,
): Promise<OperationResult> {
  const { signal } = request
  signal.throwIfAborted()
  const session = await services.duck.connect()
  const stop = (): void => session.interrupt()
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const context: CommandContext = {
      services,
      request,
      session,
      database,
      args: found.args,
      text: found.text,
      columns: found.columns,
      runInner: (text) => runShow(services, { ...request, text }),
      runStatement: (text) => runCommand(services, { ...request, text }),
      operationId,
    }
    const result = await found.definition.run(context)
    return found.pipe === undefined ? result : await pipeInto(context, result, found.pipe)
  } catch (error) {
    // An interrupted statement fails with DuckDB's words; the reason is the abort.
    if (signal.aborted) throw signal.reason
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    session.close()
  }
}

/** A command inside of a command may only show. */
async function runShow(services: Services, request: CommandRequest): Promise<CommandResult> {
  if (!/^\.show\b/i.test(request.text)) throw notSupported('a command other than .show inside of a command')
  return runCommand(services, request)
}
