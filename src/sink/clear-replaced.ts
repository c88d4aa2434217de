import { retry } from '../base/retry.ts'
import { dropExtents } from '../kql/commands/extent-commands.ts'
import { MOVE_RETRY } from './move-extents.ts'
import type { SinkContext } from './sink-context.ts'
import { replacedExtents } from './swap-command.ts'
import type { WriteSettings } from './write-settings.ts'

/** A replacement by no rows: drops what is there, in one command, and tells how many extents that were. */
export async function clearReplaced(context: SinkContext, table: string, settings: WriteSettings): Promise<number> {
  const { signal } = settings
  let dropped = 0
  return retry(
    async () => {
      const extents = await replacedExtents(context, table, settings)
      if (extents.length === 0) return dropped
      // Counted before: when the answer is lost the next attempt finds none of them.
      dropped = extents.length
      const ids = extents.map(({ id }) => id)
      await context.command(dropExtents(table, ids), signal)
      return dropped
    },
    { policy: MOVE_RETRY, ...(signal === undefined ? {} : { signal }) },
  )
}
