import type { WriteReceiptJson } from './receipt-json.ts'
import type { SinkContext } from './sink-context.ts'
import type { WriteInput } from './write-input.ts'
import { writeQueued } from './write-queued.ts'
import type { WriteSettings } from './write-settings.ts'
import { writeTransactional } from './write-transactional.ts'

/** Writes rows in the way that the settings name. */
export async function writeRows(
  context: SinkContext,
  input: WriteInput,
  settings: WriteSettings,
): Promise<WriteReceiptJson> {
  // Only of what is in memory the size is known beforehand.
  const chosen = input.size === undefined ? settings : { ...settings, encodeWorkers: settings.tableWorkers }
  return settings.mode === 'queued' ? writeQueued(context, input, chosen) : writeTransactional(context, input, chosen)
}
