import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import type { Filter } from '../kql/filter.ts'
import { join, Kql, kql, name } from '../kql/kql.ts'
import { columnNamed } from './evaluate-filter.ts'

/** Null and NaN come first in `asc` and last in `desc`, as in Kusto. */
export type SortOrder = 'asc' | 'desc'

export interface SortKey {
  readonly column: string
  readonly order: SortOrder
}

/** What a dataframe's verb does to its rows, as data: pushed down as KQL, or applied to the batches on this side. */
export type Verb =
  | { readonly kind: 'where'; readonly filter: Filter }
  | { readonly kind: 'select'; readonly columns: readonly string[] }
  | { readonly kind: 'limit'; readonly rows: number }
  | { readonly kind: 'top'; readonly rows: number; readonly key: SortKey }
  /** Of all columns when none are named. */
  | { readonly kind: 'distinct'; readonly columns: readonly string[] }

/**
 * The verb with its arguments checked.
 * @throws {KustoUsageError} KUSTO_BAD_COLUMNS for a column named twice, or none where some are needed; KUSTO_BAD_OPTION
 * for rows or an order that are none
 */
export function checkedVerb(verb: Verb): Verb {
  switch (verb.kind) {
    case 'where':
      return verb
    case 'select':
      return checkColumns(verb, verb.columns, 1)
    case 'distinct':
      return checkColumns(verb, verb.columns, 0)
    case 'limit':
      return checkRows(verb)
    case 'top':
      checkOrder(verb.key)
      return checkRows(verb)
  }
}

/** The operator that does the verb in KQL. */
export function verbKql(verb: Verb): Kql {
  switch (verb.kind) {
    case 'where':
      return kql`where ${verb.filter.kql}`
    case 'select':
      return kql`project ${names(verb.columns)}`
    case 'limit':
      return kql`take ${Kql.raw(String(verb.rows))}`
    case 'top':
      return kql`top ${Kql.raw(String(verb.rows))} by ${orderedBy(verb.key)}`
    case 'distinct':
      return kql`distinct ${verb.columns.length === 0 ? Kql.raw('*') : names(verb.columns)}`
  }
}

/**
 * The columns after the verb.
 * @throws {KustoUsageError} KUSTO_BAD_COLUMNS for a column that is not there
 */
export function columnsAfter(verb: Verb, columns: readonly KustoColumn[]): readonly KustoColumn[] {
  if (verb.kind !== 'select' && verb.kind !== 'distinct') return columns
  if (verb.columns.length === 0) return columns
  return verb.columns.map((column) => ({ name: column, type: columnNamed(column, columns).type }))
}

function names(columns: readonly string[]): Kql {
  return join(
    columns.map((column) => name(column)),
    ', ',
  )
}

function orderedBy({ column, order }: SortKey): Kql {
  return kql`${name(column)} ${Kql.raw(order)}`
}

function checkColumns(verb: Verb, columns: readonly string[], least: number): Verb {
  const twice = columns.find((column, index) => columns.indexOf(column) !== index)
  if (columns.length >= least && twice === undefined) return verb
  const found = twice === undefined ? 'none' : `${twice} twice`
  throw new KustoUsageError('KUSTO_BAD_COLUMNS', `expected different column names to ${verb.kind}, found ${found}`)
}

function checkRows(verb: Verb & { readonly rows: number }): Verb {
  if (Number.isSafeInteger(verb.rows) && verb.rows >= 0) return verb
  throw new KustoUsageError('KUSTO_BAD_OPTION', `expected a whole number of rows, found ${String(verb.rows)}`)
}

function checkOrder({ order }: SortKey): void {
  if (order === 'asc' || order === 'desc') return
  throw new KustoUsageError('KUSTO_BAD_OPTION', `expected the order asc or desc, found ${String(order)}`)
}
