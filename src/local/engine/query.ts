import { ticksFromUnixMs } from '../../base/ticks.ts'
import { translateQuery, type PhysicalTable, type TranslatedQuery } from '../kql/translate.ts'
import { parseLiteral } from '../kql/types.ts'
import type { Diagnostic, QueryAnalysis } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import type { Services } from '../services.ts'
import type { DuckSession } from './duck.ts'
import { databaseNotExist, syntaxError } from './entity-errors.ts'

/** A table that only this query knows, for example the result of a command that is piped on. */
export interface ExtraTable extends PhysicalTable {
  readonly name: string
}

export interface QueryRequest {
  readonly text: string
  readonly database: string
  /** Request properties; `query_now` is the one that planning reads. */
  readonly options: ReadonlyMap<string, unknown>
  /** Values of declared query parameters, as sent. */
  readonly parameters: ReadonlyMap<string, string>
  readonly extraTables?: readonly ExtraTable[]
}

/**
 * Parses, binds and translates a query. The session runs small probing queries when the schema depends on data; call it
 * inside `catalog.read` so that the plan and the data belong together.
 *
 * @throws {LocalError} 400 in Kusto's shape for a syntax error, an unknown name, or what is not supported
 */
export async function planQuery(
  services: Services,
  session: DuckSession,
  request: QueryRequest,
): Promise<TranslatedQuery> {
  const database = databaseName(services, request.database)
  const extraTables = request.extraTables ?? []
  const analyze = async (text: string): Promise<QueryAnalysis> => {
    const analysis = await services.language.analyze(text, {
      database,
      extraTables: extraTables.map(({ name, columns }) => ({ name, columns })),
    })
    if (analysis.kind === 'command') throw syntaxError('a management command is not a query; send it to /v1/rest/mgmt')
    const problem = analysis.diagnostics.find(({ severity }) => severity === 'error')
    if (problem !== undefined) throw diagnosticError(analysis, problem)
    return analysis
  }
  const analysis = await analyze(request.text)
  const translate = (nowTicks: bigint): Promise<TranslatedQuery> =>
    translateQuery(analysis, {
      database,
      nowTicks,
      table: (inDatabase, name) =>
        (inDatabase === undefined ? extraTables.find((table) => table.name === name) : undefined) ??
        services.catalog.physicalTable(inDatabase ?? database, name),
      parameters: request.parameters,
      probe: (sql) => session.rows(sql),
      analyze,
    })
  const now = ticksFromUnixMs(Date.now())
  const nowTicks = nowOption(request.options.get('query_now')) ?? now
  const translated = await translate(nowTicks)
  const inText = nowOption(translated.options.get('query_now'))
  return inText === undefined || inText === nowTicks ? translated : await translate(inText)
}

/**
 * The database's name as the catalog spells it. `NetDefaultDB` is the default database.
 *
 * @throws {LocalError} 400 BadRequest_DatabaseNotExist
 */
export function databaseName(services: Services, name: string): string {
  const found = services.catalog.database(withoutAlias(services, name))
  if (found === undefined) throw databaseNotExist(name)
  return found.name
}

/** The default database's name for `NetDefaultDB` in any case; every other name as it is. */
export function withoutAlias(services: Services, name: string): string {
  return name.toLowerCase() === 'netdefaultdb' ? services.defaultDatabase : name
}

function nowOption(value: unknown): bigint | undefined {
  if (value === undefined || value === null) return undefined
  const ticks = typeof value === 'string' ? parseLiteral(value, 'datetime') : undefined
  if (typeof ticks === 'bigint') return ticks
  throw new LocalError('BadRequest_InvalidRequestProperty', `request property 'query_now' must be a datetime`)
}

const UNKNOWN_NAMES: ReadonlyMap<string, (name: string) => string> = new Map([
  ['KS142', (name) => `Failed to resolve table, column or scalar expression named '${name}'`],
  ['KS204', (name) => `Failed to resolve table or column expression named '${name}'`],
])

/** A finding of the official binder as the service words it. */
function diagnosticError(analysis: QueryAnalysis, found: Diagnostic): LocalError {
  const before = analysis.text.slice(0, found.start)
  const line = before.split('\n').length
  const position = found.start - (before.lastIndexOf('\n') + 1)
  if (isSyntactic(found.code)) {
    return new LocalError(
      'BadRequest_SyntaxError',
      `Syntax error: SYN0002: ${found.message} [line:position=${line}:${position}]. Query: '${analysis.text}'`,
      { type: 'Kusto.Data.Exceptions.SyntaxException', innerCode: 'SYN0002' },
    )
  }
  const name = analysis.text.slice(found.start, found.start + found.length)
  const message = UNKNOWN_NAMES.get(found.code)?.(name) ?? found.message
  return new LocalError(
    'General_BadRequest',
    `Semantic error: SEM0100: ${message} [line:position=${line}:${position}]. Query: '${analysis.text}'`,
    { type: 'Kusto.Data.Exceptions.SemanticException', innerCode: 'SEM0100' },
  )
}

/** KS001 to KS099 come from the parser; so do a missing operator and a missing command. */
function isSyntactic(code: string): boolean {
  return /^KS0\d\d$/.test(code) || code === 'KS176' || code === 'KS300'
}
