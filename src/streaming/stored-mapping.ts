import { KustoUsageError } from '../errors.ts'
import { showDatabaseIngestionMappings, showTableIngestionMappings } from '../kql/commands/ingest-commands.ts'
import type { SinkContext } from '../sink/sink-context.ts'

/** A mapping to look for. */
export interface MappingName {
  readonly table: string
  readonly name: string
  /** `csv`, `json`, `avro`, `parquet`, `orc` ... */
  readonly kind: string
}

/**
 * The JSON text of a stored mapping: of the table, or of the database where the table has none of that name.
 * @throws {KustoUsageError} KUSTO_MAPPING_NOT_FOUND, with the names that exist
 */
export async function fetchStoredMapping(
  context: SinkContext,
  { table, name, kind }: MappingName,
  signal: AbortSignal | undefined,
): Promise<string> {
  const names = new Set<string>()
  for (const command of [showTableIngestionMappings(table), showDatabaseIngestionMappings(context.database)]) {
    for (const row of await context.command(command, signal)) {
      if (row.text('Kind').toLowerCase() !== kind) continue
      if (row.text('Name') === name) return row.text('Mapping')
      names.add(row.text('Name'))
    }
  }
  const known = names.size === 0 ? 'there is none at all' : `there are ${[...names].join(', ')}`
  throw new KustoUsageError('KUSTO_MAPPING_NOT_FOUND', `table ${table} has no ${kind} mapping ${name}; ${known}`, {
    context: { table },
  })
}
