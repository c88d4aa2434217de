import type { DatabaseRecord, TableRecord } from '../engine/catalog-state.ts'
import { findTable } from '../engine/catalog-state.ts'
import type { DuckSession } from '../engine/duck.ts'
import { databaseNotExist, entityNotFound } from '../engine/entity-errors.ts'
import type { OperationResult } from '../engine/operations.ts'
import type { ResultTable } from '../engine/result-table.ts'
import type { Cell, Column, ScalarName } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import type { Services } from '../services.ts'
import type { CommandArguments } from './command-arguments.ts'

export interface CommandRequest {
  readonly text: string
  readonly database: string
  /** Request properties. */
  readonly options: ReadonlyMap<string, unknown>
  readonly clientRequestId: string
  readonly signal: AbortSignal
}

export type CommandResult = ResultTable

/** What a command works with. The session is its own, interrupted when the command is aborted. */
export interface CommandContext {
  readonly services: Services
  readonly request: CommandRequest
  readonly session: DuckSession
  /** The database of the request. */
  readonly database: DatabaseRecord
  readonly args: CommandArguments
  /** The command without what it is piped into. */
  readonly text: string
  /** Result schema by the official grammar; empty when it gives none. */
  readonly columns: readonly Column[]
  /** Runs a command that shows in the same circumstances. */
  readonly runInner: (text: string) => Promise<CommandResult>
  /** Runs another command of any kind, as if it had been sent. */
  readonly runStatement: (text: string) => Promise<CommandResult>
  readonly operationId: string | undefined
}

export interface CommandDefinition {
  readonly run: (context: CommandContext) => OperationResult | Promise<OperationResult>
  /** The service's name of the operation; only commands that have one may be `async`. */
  readonly operation?: string
  /** Whether `.show operation <id> details` can give the result later; default true. */
  readonly keepDetails?: (args: CommandArguments, isAsync: boolean) => boolean
  /** Also answers when the request names a database that does not exist. */
  readonly anyDatabase?: boolean
}

export type CommandFamily = Readonly<Record<string, CommandDefinition>>

/** A row by column name. What is left out is empty text or null. */
export type RowRecord = Readonly<Record<string, Cell>>

/** Rows in the order of the schema. A name that the schema lacks is a defect, never dropped in silence. */
export function tableOf(columns: readonly Column[], records: readonly RowRecord[]): ResultTable {
  const known = new Set(columns.map(({ name }) => name))
  const rows = records.map((record) => {
    for (const name of Object.keys(record)) {
      if (!known.has(name)) throw new LocalError('Internal', `result has no column '${name}'`, { status: 500 })
    }
    return columns.map(({ name, type }) => record[name] ?? (type === 'string' ? '' : null))
  })
  return { columns, rows }
}

/** A schema from `Name:type,Name:type`, for commands whose schema the official grammar lacks. */
export function schemaOf(text: string): readonly Column[] {
  return text.split(',').map((part) => {
    const [name = '', type = ''] = part.split(':')
    return { name, type: type as ScalarName }
  })
}

/** @throws {LocalError} BadRequest_DatabaseNotExist */
export function requireDatabase(context: CommandContext, name: string | undefined): DatabaseRecord {
  if (name === undefined) return current(context)
  const found = context.services.catalog.database(name)
  if (found === undefined) throw databaseNotExist(name)
  return found
}

/** @throws {LocalError} BadRequest_EntityNotFound */
export function requireTable(context: CommandContext, name: string): TableRecord {
  const { state } = context.services.catalog
  const found = findTable(state, context.database.id, name)
  if (found === undefined) throw entityNotFound('Table', name)
  return found
}

/** The request's database as it is now; `context.database` is as it was when the command began. */
export function current(context: CommandContext): DatabaseRecord {
  return context.services.catalog.state.databases.get(context.database.id) ?? context.database
}
