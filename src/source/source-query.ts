import type { KustoColumn, TypeSettings } from '../arrow/scalar-types.ts'
import { Kql, join, kql, name } from '../kql/kql.ts'
import type { KqlParameter } from '../kql/kql.ts'
import { appendOperators } from '../kql/query-text.ts'
import { exportedNames } from './exported-names.ts'

/** A query and the operators that a dataframe's verbs put behind it. */
export interface SourceQuery {
  readonly query: Kql
  readonly operators: readonly Kql[]
  /** The columns after the operators, as the caller declared them. */
  readonly columns?: readonly KustoColumn[]
}

/** What goes to the query endpoint: values travel as declared parameters. */
export interface QueryText {
  readonly csl: string
  readonly parameters: ReadonlyMap<string, KqlParameter>
}

/** The query with its operators, and `more` behind them, for the query endpoint. */
export function queryText({ query, operators }: SourceQuery, more: readonly Kql[] = []): QueryText {
  const { text, parameters } = query.render()
  const all = [...operators, ...more]
  return { csl: all.length === 0 ? text : appendOperators(text, all).inlined, parameters }
}

/**
 * The query as an export carries it: values as literals, columns that Parquet would change as something it keeps, and names
 * that differ in case alone told apart.
 */
export function exportQuery(
  { query, operators }: SourceQuery,
  columns: readonly KustoColumn[],
  types: TypeSettings,
): Kql {
  const names = exportedNames(columns)
  const projected = columns.map((column, index) => exportedColumn(column, names[index] ?? column.name, types))
  const isChanged = projected.some((column) => column !== undefined)
  const projection = join(
    columns.map((column, index) => projected[index] ?? name(column.name)),
    ', ',
  )
  return appendOperators(query.inlined, isChanged ? [...operators, kql`project ${projection}`] : operators)
}

/**
 * How an export projects a column that Parquet would change: ticks of datetimes as `long`, because its timestamps end at
 * microseconds, and decimals whose text is wanted as text, because it would fill them up with zeros. Timespans are INT64
 * ticks in the service's Parquet as it is.
 */
function exportedColumn(column: KustoColumn, as: string, types: TypeSettings): Kql | undefined {
  const named = name(column.name)
  if (column.type === 'datetime' && types.datetime !== 'us') return kql`${name(as)}=tolong(${named})`
  if (column.type === 'decimal' && types.decimal === 'text') return kql`${name(as)}=tostring(${named})`
  return as === column.name ? undefined : kql`${name(as)}=${named}`
}
