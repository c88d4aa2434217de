import { moveExtentsById, replaceExtents } from '../kql/commands/extent-commands.ts'
import type { Kql } from '../kql/kql.ts'
import { listExtents, windowOf } from './extent-list.ts'
import type { ListedExtent } from './extent-list.ts'
import type { SinkContext } from './sink-context.ts'
import type { WriteSettings } from './write-settings.ts'

export interface Swap {
  readonly csl: Kql
  /** Extents of the target that go. */
  readonly dropped: number
}

export interface SwapRequest {
  readonly from: string
  readonly to: string
  readonly extents: readonly ListedExtent[]
}

/**
 * The one command that brings extents into the table: a move, or in mode `replace` a replacement of the extents that are
 * there now. These are named by their ids, so that the command fails when one of them has gone.
 */
export async function swapCommand(
  context: SinkContext,
  { from, to, extents }: SwapRequest,
  settings: WriteSettings,
): Promise<Swap> {
  const extentIds = extents.map(({ id }) => id)
  const replaced = settings.mode === 'replace' ? await replacedExtents(context, to, settings) : []
  if (replaced.length === 0) {
    return { csl: moveExtentsById({ from, to, extentIds, window: windowOf(extents) }), dropped: 0 }
  }
  const window = windowOf([...extents, ...replaced])
  const dropIds = replaced.map(({ id }) => id)
  return { csl: replaceExtents({ from, to, extentIds, dropIds, window }), dropped: dropIds.length }
}

/** What a replacement replaces, as it is now: the table's extents, or those with the tag. */
export function replacedExtents(
  context: SinkContext,
  table: string,
  { replaceTag, signal }: WriteSettings,
): Promise<readonly ListedExtent[]> {
  return listExtents(context, { table, tag: replaceTag === undefined ? undefined : `drop-by:${replaceTag}` }, signal)
}
