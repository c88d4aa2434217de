import { kql, type Kql, name } from '../kql.ts'

/** A table whose rows carry the two columns that say where they come from. */
export interface AuditedColumns {
  readonly table: string
  readonly streamColumn: string
  readonly rowColumn: string
}

/** Columns: the stream, Rows, DistinctRows, Duplicates, FirstRow, LastRow, Missing (numbers between the two that no row has). */
export function auditSummaryQuery({ table, streamColumn, rowColumn }: AuditedColumns): Kql {
  const [stream, row] = [name(streamColumn), name(rowColumn)]
  return kql`${name(table)}
| summarize Copies = count() by ${stream}, ${row}
| summarize Rows = sum(Copies), DistinctRows = count(), FirstRow = min(${row}), LastRow = max(${row}) by ${stream}
| project ${stream}, Rows, DistinctRows, Duplicates = Rows - DistinctRows, FirstRow, LastRow, Missing = LastRow - FirstRow + 1 - DistinctRows`
}

/** Columns: the stream, the row, and Copies, 2 or more. */
export function duplicateRowsQuery({ table, streamColumn, rowColumn }: AuditedColumns): Kql {
  return kql`${name(table)}
| summarize Copies = count() by ${name(streamColumn)}, ${name(rowColumn)}
| where Copies > 1`
}

/** Every column of the table, the two of the audit first; one of the copies of each row. */
export function distinctRowsQuery({ table, streamColumn, rowColumn }: AuditedColumns): Kql {
  return kql`${name(table)}
| summarize take_any(*) by ${name(streamColumn)}, ${name(rowColumn)}`
}

/** Needs Database Admin. The view also takes the rows that are there already, in an operation of its own. */
export function createDistinctViewCommand(view: string, audited: AuditedColumns): Kql {
  return kql`.create async ifnotexists materialized-view with (backfill=true) ${name(view)} on table ${name(audited.table)} {
${distinctRowsQuery(audited)}
}`
}
