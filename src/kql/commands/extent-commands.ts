import { Kql, join, kql, name, text } from '../kql.ts'
import { guid } from './operation-commands.ts'

/** Columns: ExtentId, DatabaseName, TableName, ..., RowCount, ..., Tags. */
export function showExtents(table: string): Kql {
  return kql`.show table ${name(table)} extents`
}

/** The extents that carry this tag as a whole. */
export function showExtentsWithTag(table: string, tag: string): Kql {
  return kql`.show table ${name(table)} extents where tags has ${text(tag)}`
}

export interface MoveExtentsOptions {
  /** Stamps a new ingestion time, so that cursors, continuous export and materialized views see the rows. */
  readonly setNewIngestionTime?: boolean
}

/** Moves all extents of a table in one transaction. Columns: OriginalExtentId, ResultExtentId, Details. */
export function moveExtents(from: string, to: string, options: MoveExtentsOptions = {}): Kql {
  const stamp =
    options.setNewIngestionTime === undefined
      ? kql``
      : kql` with (setNewIngestionTime=${Kql.raw(String(options.setNewIngestionTime))})`
  return kql`.move extents all from table ${name(from)} to table ${name(to)}${stamp}`
}

/** Drops extents by their ids. */
export function dropExtents(table: string, extentIds: readonly string[]): Kql {
  return kql`.drop extents (${join(extentIds.map(guid), ', ')}) from ${name(table)}`
}
