import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import { showDatabaseIngestionMappings, showTableIngestionMappings } from '../kql/commands/ingest-commands.ts'
import { mappingFormat, parseIngestionMapping } from '../protocol/ingestion-mapping.ts'
import type { ResolvedMapping } from '../protocol/ingestion-mapping.ts'
import type { MappingChoice } from './ingestion-options.ts'
import type { SinkContext } from './sink-context.ts'
import { fetchTableColumns } from './table-schema.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

/** What a write must know of its table before it begins. */
export interface WriteTarget {
  /** The table's columns in its order; undefined when there is no such table. */
  readonly columns: readonly KustoColumn[] | undefined
  /** The mapping of the caller's choice. */
  readonly mapping: ResolvedMapping | undefined
}

/**
 * Asks for the table's columns, and for a stored mapping when one is named.
 * @throws {KustoUsageError} KUSTO_MAPPING_NOT_FOUND, with the names that exist; KUSTO_BAD_MAPPING when the mapping is for
 * another format than the one asked for
 */
export async function fetchWriteTarget(
  context: SinkContext,
  table: string,
  { mapping, format, signal }: WriteSettings,
): Promise<WriteTarget> {
  const columns = await fetchTableColumns(context, table, signal)
  return { columns, mapping: mapping && (await resolveMapping(context, { table, columns, mapping, format, signal })) }
}

interface ResolveRequest {
  readonly table: string
  readonly columns: readonly KustoColumn[] | undefined
  readonly mapping: MappingChoice
  readonly format: WriteFormat | undefined
  readonly signal: AbortSignal | undefined
}

async function resolveMapping(context: SinkContext, request: ResolveRequest): Promise<ResolvedMapping> {
  const { mapping, format, table } = request
  if (mapping.kind === 'inline') {
    const own = mappingFormat(mapping.columns)
    if (own !== undefined && format !== undefined && own !== format) {
      throw new KustoUsageError('KUSTO_BAD_MAPPING', `expected a mapping for ${format}, found one for ${own}`)
    }
    return { format: own ?? format ?? 'csv', columns: mapping.columns, reference: undefined }
  }
  const stored = await storedMappings(context, request)
  const usable = stored.filter(({ name }) => name === mapping.name)
  const wanted: readonly WriteFormat[] = format === undefined ? ['csv', 'parquet'] : [format]
  for (const kind of wanted) {
    const found = usable.find((each) => each.kind === kind)
    if (found !== undefined)
      return { format: kind, columns: parseIngestionMapping(found.json), reference: mapping.name }
  }
  const names = stored
    .filter(({ kind }) => wanted.some((one) => one === kind))
    .map(({ name, kind }) => `${name} (${kind})`)
  throw new KustoUsageError(
    'KUSTO_MAPPING_NOT_FOUND',
    `table ${table} has no ${wanted.join(' or ')} mapping ${mapping.name}; ` +
      (names.length === 0 ? 'there is none at all' : `there are ${names.join(', ')}`),
    { context: { table } },
  )
}

interface StoredMapping {
  readonly name: string
  /** In lower case. */
  readonly kind: string
  readonly json: string
}

/** Mappings of the table, which win, and of the database. */
async function storedMappings(
  context: SinkContext,
  { table, columns, signal }: ResolveRequest,
): Promise<readonly StoredMapping[]> {
  const commands = [
    ...(columns === undefined ? [] : [showTableIngestionMappings(table)]),
    showDatabaseIngestionMappings(context.database),
  ]
  const found: StoredMapping[] = []
  for (const command of commands) {
    const rows = await context.command(command, signal)
    found.push(
      ...rows.map((row) => ({
        name: row.text('Name'),
        kind: row.text('Kind').toLowerCase(),
        json: row.text('Mapping'),
      })),
    )
  }
  return found
}
