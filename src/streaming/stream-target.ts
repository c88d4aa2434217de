import type { RecordBatch } from 'apache-arrow'
import { encodeCsv } from '../arrow/encode-csv.ts'
import { encodeJson } from '../arrow/encode-json.ts'
import { KustoAuthError, KustoIngestError, KustoServiceError } from '../errors.ts'
import type { KustoError } from '../errors.ts'
import { alterIngestionPolicy } from '../kql/commands/streaming-commands.ts'
import { alterMergeTable, createMergeTable } from '../kql/commands/table-commands.ts'
import { parseIngestionMapping } from '../protocol/ingestion-mapping.ts'
import { planMapping } from '../sink/plan-mapping.ts'
import { planSchema } from '../sink/plan-schema.ts'
import type { SchemaPlan } from '../sink/plan-schema.ts'
import { sourceColumns } from '../sink/prepare-table.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import type { WriteInput } from '../sink/write-input.ts'
import { alignBatch, alignment } from './align-batch.ts'
import type { EncodeRows } from './encode-pieces.ts'
import { clearSchemaCache } from './schema-cache.ts'
import { fetchStoredMapping } from './stored-mapping.ts'
import type { StreamingContext } from './streaming-context.ts'
import type { StreamingWriteSettings } from './streaming-write-settings.ts'

/** How the rows of a write become records that the service understands without a mapping of its own making. */
export interface StreamTarget {
  /** Whether the table was created. */
  readonly created: boolean
  readonly encode: EncodeRows
  /** The batch as it is encoded. */
  align(batch: RecordBatch): RecordBatch
}

/**
 * Plans how the data meet the table, creates or extends it, and then has all nodes forget its schema, so that no request
 * meets an old one. A created table gets a streaming policy.
 * @throws {KustoUsageError} the errors of `planSchema` and `planMapping`, before anything is changed
 */
export async function prepareStreamTarget(
  context: StreamingContext,
  input: WriteInput,
  settings: StreamingWriteSettings,
): Promise<StreamTarget> {
  const { sink } = context
  const { table } = input
  const { signal, onEvent, mapping, format } = settings
  const { columns } = input.target ?? { columns: await fetchTableColumns(sink, table, signal) }
  const plan = await planStreamColumns(context, input, { columns, settings })
  if (plan.create !== undefined) {
    await sink.command(createMergeTable(table, plan.create), signal)
    onEvent({ kind: 'table-created', table })
    await enablePolicy(context, table, settings)
    await clearCache(context, table, settings)
  } else if (plan.add.length > 0) {
    const resume = await context.tables.of(table).pause(signal)
    try {
      await context.tables.of(table).drained(signal)
      await sink.command(alterMergeTable(table, plan.add), signal)
      onEvent({ kind: 'columns-added', table, columns: plan.add.map(({ name }) => name) })
      await clearCache(context, table, settings)
    } finally {
      resume()
    }
  }
  const created = plan.create !== undefined
  if (mapping !== undefined) {
    // The mapping goes by the positions, or the names, of the data's own columns.
    const own = plan.targets.map(({ source, column }) => ({ name: source, type: column.type }))
    const encode = format === 'json' ? encodeJson : encodeCsv
    return { created, align: (batch) => batch, encode: (batch, options) => encode(batch, { ...options, columns: own }) }
  }
  const to = alignment(plan.targets, [...(plan.create ?? columns ?? []), ...plan.add])
  return {
    created,
    align: (batch) => alignBatch(batch, to),
    encode: (batch, options) => encodeCsv(batch, { ...options, columns: to.columns }),
  }
}

/** How the columns of the data meet those of the table; a stored mapping is asked for by its name. */
export async function planStreamColumns(
  context: Pick<StreamingContext, 'sink'>,
  { table, schema, isInferred }: WriteInput,
  { columns: target, settings }: { readonly columns: SchemaPlanTarget; readonly settings: StreamingWriteSettings },
): Promise<SchemaPlan> {
  const { create, adjustSchema, mapping: name, format, signal } = settings
  const source = sourceColumns(schema, isInferred)
  if (name === undefined || source.length === 0) return planSchema({ table, source, target, create, adjustSchema })
  const stored = await fetchStoredMapping(context.sink, { table, name, kind: format }, signal)
  // A JSON mapping names fields as a Parquet mapping does.
  const mapping = {
    format: format === 'csv' ? ('csv' as const) : ('parquet' as const),
    columns: parseIngestionMapping(stored),
    reference: name,
  }
  return planMapping({ table, source, target, create, mapping })
}

type SchemaPlanTarget = Parameters<typeof planSchema>[0]['target']

async function enablePolicy(
  { sink }: StreamingContext,
  table: string,
  { signal, onEvent, fallback, continueWhenUnavailable }: StreamingWriteSettings,
): Promise<void> {
  const command = alterIngestionPolicy({ kind: 'table', table }, 'streamingingestion', { IsEnabled: true })
  try {
    await sink.command(command, signal)
    onEvent({ kind: 'policy-enabled', table, reason: undefined })
  } catch (error) {
    if (!isRefusal(error) || fallback === 'none' || !continueWhenUnavailable) throw error
    sink.log.warning(
      `the streaming policy of table ${table} could not be enabled, its rows may be queued: ${error.message}`,
    )
    onEvent({ kind: 'policy-enabled', table, reason: error.message })
  }
}

/**
 * Where rows can go to the queue instead, a cache that cannot be cleared is no reason to write nothing: a request that meets
 * the old schema is refused, repeated and queued.
 */
async function clearCache(
  context: StreamingContext,
  table: string,
  { signal, onEvent, fallback }: StreamingWriteSettings,
): Promise<void> {
  const { sink, sleep, now } = context
  context.tables.reset(table)
  try {
    const call = signal === undefined ? {} : { signal }
    const { nodes } = await clearSchemaCache(sink, table, { sleep, now, ...call })
    onEvent({ kind: 'cache-cleared', table, nodes })
  } catch (error) {
    if (!isRefusal(error) || fallback === 'none') throw error
    sink.log.warning(`the schema cache of table ${table} was not cleared, its rows may be queued: ${error.message}`)
  }
}

function isRefusal(error: unknown): error is KustoError {
  return error instanceof KustoServiceError || error instanceof KustoAuthError || error instanceof KustoIngestError
}
