import { showExtentsWithTag } from '../kql/commands/extent-commands.ts'
import { kql } from '../kql/kql.ts'
import type { WriteReceiptJson } from './receipt-json.ts'
import type { SinkContext } from './sink-context.ts'
import { isMissingTable } from './table-schema.ts'
import type { WriteSettings } from './write-settings.ts'

/** The first value of `ingestIfNotExists` that an extent of the table carries as an `ingest-by:` tag. */
export async function findIngestedTag(
  context: SinkContext,
  table: string,
  { ingestIfNotExists, signal }: Pick<WriteSettings, 'ingestIfNotExists' | 'signal'>,
): Promise<string | undefined> {
  for (const value of ingestIfNotExists) {
    try {
      const extents = showExtentsWithTag(table, `ingest-by:${value}`)
      const found = await context.command(kql`${extents} | take 1`, signal)
      if (found.length > 0) return value
    } catch (error) {
      if (isMissingTable(error)) return undefined
      throw error
    }
  }
  return undefined
}

/** The receipt of a write that had nothing to do because its data are there; undefined when they are not. */
export async function skipWrite(
  context: SinkContext,
  table: string,
  settings: WriteSettings,
): Promise<WriteReceiptJson | undefined> {
  const skippedBy = await findIngestedTag(context, table, settings)
  if (skippedBy === undefined) return undefined
  const { via } = await context.ingestion.get({ signal: settings.signal })
  settings.onEvent({ kind: 'skipped', table, tag: skippedBy })
  return {
    kind: 'kusto-arrow/write-receipt',
    version: 2,
    cluster: context.cluster,
    database: context.database,
    table,
    mode: settings.mode,
    via,
    format: settings.format ?? 'parquet',
    created: false,
    skippedBy,
    rows: 0,
    rawBytes: 0,
    encodedBytes: 0,
    blobs: [],
    commands: context.tally.commands,
    retries: { ...context.tally.retries },
    elapsedMs: {},
  }
}
