import { checkNames } from '../base/check-options.ts'
import {
  type AuditedColumns,
  auditSummaryQuery,
  createDistinctViewCommand,
  distinctRowsQuery,
  duplicateRowsQuery,
} from '../kql/commands/audit-commands.ts'
import type { Kql } from '../kql/kql.ts'
import { type AuditNames, auditNames } from './audit-columns.ts'

/**
 * A query that counts what {@link auditColumns} numbered, a row for each stream: `Rows`, `DistinctRows`, `Duplicates`, `FirstRow`,
 * `LastRow`, and `Missing`, the numbers between those two that no row has.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function auditSummary(table: string, names: AuditNames = {}): Kql {
  return auditSummaryQuery(audited(table, names))
}

/**
 * A query of the rows that are there more than once: stream, row and `Copies`.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function duplicateRows(table: string, names: AuditNames = {}): Kql {
  return duplicateRowsQuery(audited(table, names))
}

/**
 * A query of one copy of every row, with the stream and the row first.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function distinctRows(table: string, names: AuditNames = {}): Kql {
  return distinctRowsQuery(audited(table, names))
}

/**
 * The command that makes a materialized view of one copy of every row, for `command`: it needs Database Admin, and the
 * service keeps the view up to date from then on. A view of that name that is there stays as it is.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function createDistinctView(view: string, table: string, names: AuditNames = {}): Kql {
  return createDistinctViewCommand(view, audited(table, names))
}

function audited(table: string, names: AuditNames): AuditedColumns {
  checkNames(names, ['streamColumn', 'rowColumn'])
  return { table, ...auditNames(names) }
}
