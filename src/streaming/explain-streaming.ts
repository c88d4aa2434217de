import type { BatchInput } from '../arrow/batches.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { alterIngestionPolicy } from '../kql/commands/streaming-commands.ts'
import { clearStreamingSchemaCache } from '../kql/commands/table-commands.ts'
import { describeWrite, failureOf } from '../sink/explain-write.ts'
import type { WriteExplanation } from '../sink/explain-write.ts'
import type { SchemaPlan } from '../sink/plan-schema.ts'
import { schemaCommands } from '../sink/prepare-table.ts'
import { fetchTableColumns } from '../sink/table-schema.ts'
import type { WriteInput } from '../sink/write-input.ts'
import { openStreamInput } from './stream-rows.ts'
import { planStreamColumns } from './stream-target.ts'
import type { StreamingContext } from './streaming-context.ts'
import { streamingWriteSettings } from './streaming-write-settings.ts'
import type { StreamingWriteOptions, StreamingWriteSettings } from './streaming-write-settings.ts'

/** {@link StreamingWriteOptions} of a write that is only explained. */
export type ExplainStreamingOptions = StreamingWriteOptions & { readonly explain: true }

/** Tells what a streaming write would do, and does nothing: see `explainWrite`. Of the data is read what their schema needs. */
export async function explainStreaming(
  context: Pick<StreamingContext, 'sink'>,
  request: { readonly table: string; readonly data: BatchInput },
  { explain: _explain, ...options }: ExplainStreamingOptions,
): Promise<WriteExplanation> {
  const settings = streamingWriteSettings(options)
  const input = await openStreamInput(context, request, settings)
  try {
    const { columns } = input.target ?? { columns: await fetchTableColumns(context.sink, input.table, settings.signal) }
    return describeWrite(input, {
      mode: 'streaming',
      columns,
      ...(await planned(context, input, { columns, settings })),
      skippedBy: undefined,
      mapping: settings.mapping,
      tags: [],
      blobs: 0,
    })
  } finally {
    await input.close()
  }
}

interface Planned {
  readonly plan?: SchemaPlan
  readonly choice?: { readonly format: StreamingWriteSettings['format']; readonly reason: string }
  readonly commands: readonly string[]
  readonly fails: WriteExplanation['fails']
}

async function planned(
  context: Pick<StreamingContext, 'sink'>,
  input: WriteInput,
  known: { readonly columns: readonly KustoColumn[] | undefined; readonly settings: StreamingWriteSettings },
): Promise<Planned> {
  const { format } = known.settings
  try {
    const plan = await planStreamColumns(context, input, known)
    const reason = format === 'json' ? 'as asked' : 'streaming ingestion takes no Parquet'
    return { plan, choice: { format, reason }, commands: commandsOf(input.table, plan), fails: undefined }
  } catch (error) {
    return { commands: [], fails: failureOf(error) }
  }
}

/** A created table gets a streaming policy, and after a change the nodes are told to forget the table's schema. */
function commandsOf(table: string, plan: SchemaPlan): readonly string[] {
  const schema = schemaCommands(table, plan)
  if (schema.length === 0) return []
  const policy =
    plan.create === undefined
      ? []
      : [alterIngestionPolicy({ kind: 'table', table }, 'streamingingestion', { IsEnabled: true })]
  return [...schema, ...policy, clearStreamingSchemaCache(table)].map((command) => command.text)
}
