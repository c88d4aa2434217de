import type { KustoColumn, TypeSettings } from '../arrow/scalar-types.ts'
import { Kql, join, kql, name } from '../kql/kql.ts'
import type { KqlParameter } from '../kql/kql.ts'
import { appendOperators } from '../kql/query-text.ts'

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
 * The query as an export carries it: values as literals, and columns whose ticks the caller wants as `long`, because
 * Parquet timestamps end at microseconds.
 */
export function exportQuery(
  { query, operators }: SourceQuery,
  columns: readonly KustoColumn[],
  types: TypeSettings,
): Kql {
  const asTicks = columns.filter((column) => exportedAsTicks(column, types))
  const projection = join(
    columns.map((column) =>
      asTicks.includes(column) ? kql`${name(column.name)}=tolong(${name(column.name)})` : name(column.name),
    ),
    ', ',
  )
  const all = asTicks.length === 0 ? operators : [...operators, kql`project ${projection}`]
  return appendOperators(query.inlined, all)
}

/** Whether an export projects this column as its ticks. Timespans are INT64 ticks in the service's Parquet as it is. */
export function exportedAsTicks(column: KustoColumn, types: TypeSettings): boolean {
  return column.type === 'datetime' && types.datetime !== 'us'
}
