import { Kql, join, kql, literal, name, text } from '../kql.ts'
import { withProperties } from './command-properties.ts'
import { guid } from './operation-commands.ts'

/** Columns: ExtentId, DatabaseName, TableName, ..., RowCount, ..., Tags. */
export function showExtents(table: string): Kql {
  return kql`.show table ${name(table)} extents`
}

/** The extents that carry this tag as a whole. */
export function showExtentsWithTag(table: string, tag: string): Kql {
  return kql`.show table ${name(table)} extents where tags has ${text(tag)}`
}

/** The extents with a tag that begins so. */
export function showExtentsWithTagPrefix(table: string, prefix: string): Kql {
  return kql`.show table ${name(table)} extents where tags contains ${text(prefix)}`
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

/** When extents were created, at least: the service looks no further. */
export interface ExtentWindow {
  readonly from: Date
  readonly to: Date
}

export interface MoveExtentsByIdRequest {
  readonly from: string
  readonly to: string
  /** At least one. */
  readonly extentIds: readonly string[]
  readonly window: ExtentWindow
}

/**
 * Moves these extents in one transaction, in the background, and gives the rows a new ingestion time. Column: OperationId;
 * the operation's details have OriginalExtentId, ResultExtentId, Details.
 */
export function moveExtentsById({ from, to, extentIds, window }: MoveExtentsByIdRequest): Kql {
  const ids = join(extentIds.map(guid), ', ')
  return kql`.move async extents from table ${name(from)} to table ${name(to)}${swapProperties(window)} (${ids})`
}

export interface ReplaceExtentsRequest extends MoveExtentsByIdRequest {
  /** Extents of the target that go, at least one; the command fails when one is gone already. */
  readonly dropIds: readonly string[]
}

/** Drops extents of a table and moves others into it in one transaction, in the background. Answers as a move does. */
export function replaceExtents({ from, to, extentIds, dropIds, window }: ReplaceExtentsRequest): Kql {
  const drop = join(
    dropIds.map((id) => kql`guid(${guid(id)})`),
    ', ',
  )
  const move = join(
    extentIds.map((id) => kql`guid(${guid(id)}), ${text(from)}`),
    ', ',
  )
  const queries = kql`{datatable(ExtentId:guid)[${drop}]}, {datatable(ExtentId:guid, TableName:string)[${move}]}`
  return kql`.replace async extents in table ${name(to)}${swapProperties(window)} <| ${queries}`
}

/** All in one list: the service takes no second one. */
function swapProperties({ from, to }: ExtentWindow): Kql {
  return withProperties([
    ['setNewIngestionTime', Kql.raw('true')],
    ['extentCreatedOnFrom', literal(from)],
    ['extentCreatedOnTo', literal(to)],
  ])
}

/** Drops extents by their ids. Columns: ExtentId, TableName, CreatedOn of those that were dropped. */
export function dropExtents(table: string, extentIds: readonly string[]): Kql {
  return kql`.drop extents (${join(extentIds.map(guid), ', ')}) from ${name(table)}`
}

/** Takes tags, as a whole each, from all extents of a table that carry them; these get new ids. */
export function dropExtentTags(table: string, tags: readonly string[]): Kql {
  return kql`.drop table ${name(table)} extent tags (${join(tags.map(text), ', ')})`
}
