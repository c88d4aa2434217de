import { planQuery } from '../engine/query.ts'
import { badRequest } from '../engine/entity-errors.ts'
import type { ResultTable } from '../engine/result-table.ts'
import { rollBack } from '../engine/transaction.ts'
import type { Column } from '../lang/syntax.ts'
import { readCells, storeResult } from './cells.ts'
import type { CommandContext } from './command.ts'

/** A query or a `.show` command as SQL that selects these columns. */
export interface Selection {
  readonly sql: string
  readonly columns: readonly Column[]
}

/**
 * Turns what stands after `<|` into SQL of the context's session. Runs `use` while the tables the SQL reads are pinned
 * to the schema it was planned for; `use` may not write.
 */
export async function withSelection<R>(
  context: CommandContext,
  text: string,
  use: (selection: Selection) => Promise<R>,
): Promise<R> {
  const { services, session } = context
  if (text.startsWith('.')) {
    const result = await context.runInner(text)
    return use({ sql: `SELECT * FROM ${await storeResult(session, result)}`, columns: result.columns })
  }
  const selection = await services.catalog.read(session, () => planSelection(context, text))
  try {
    return await use(selection)
  } finally {
    await rollBack(session)
  }
}

/** The first result of a query, planned but not run. */
export async function planSelection(context: CommandContext, text: string): Promise<Selection> {
  const { services, session, request, database } = context
  const planned = await planQuery(services, session, {
    text,
    database: database.name,
    options: request.options,
    parameters: new Map(),
  })
  const [first] = planned.results
  if (first === undefined) throw badRequest('the query gives no result')
  return { sql: first.sql, columns: first.columns }
}

/** The values of some columns of a query or `.show` command, as text. */
export async function evaluateTexts(
  context: CommandContext,
  text: string,
  names: readonly string[],
): Promise<readonly (readonly string[])[]> {
  return withSelection(context, text, async ({ sql, columns }) => {
    const wanted = names.map((name) => {
      const index = columns.findIndex((column) => column.name === name)
      if (index < 0) throw badRequest(`the query must return a column '${name}'`)
      return `coalesce(c${index}::VARCHAR, '')`
    })
    const all = columns.map((_, index) => `c${index}`).join(', ')
    const rows = await context.session.rows(`SELECT ${wanted.join(', ')} FROM (${sql}) AS q(${all})`)
    return rows.map((row) => row.map(String))
  })
}

/** Name of the table that stands for the result of a command that is piped on. */
const PIPED = 'CommandResult__'

/** Runs the rest of a piped command (`.show tables | count`) over the command's rows. */
export async function pipeInto(context: CommandContext, result: ResultTable, rest: string): Promise<ResultTable> {
  const { services, session, request, database } = context
  const sql = await storeResult(session, result)
  const columns = result.columns.map((column, index) => ({ ...column, physical: `c${index}` }))
  const planned = await services.catalog.read(session, () =>
    planQuery(services, session, {
      text: `${PIPED} | ${rest}`,
      database: database.name,
      options: request.options,
      parameters: new Map(),
      extraTables: [{ name: PIPED, sql, columns }],
    }),
  )
  try {
    const [first] = planned.results
    if (first === undefined) throw badRequest('the query gives no result')
    return await readCells(session, first.sql, first.columns)
  } finally {
    await rollBack(session)
  }
}
