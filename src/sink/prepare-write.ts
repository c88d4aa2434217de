import type { KustoColumn } from '../arrow/scalar-types.ts'
import { chooseFormat } from './blob-format.ts'
import type { IngestionService } from './ingestion-service.ts'
import type { SchemaPlan } from './plan-schema.ts'
import type { SinkContext } from './sink-context.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

/** What is decided before the first row is encoded. */
export interface WriteSetup {
  readonly plan: SchemaPlan
  /** The table's columns, by position of the data's columns. */
  readonly columns: readonly KustoColumn[]
  readonly format: WriteFormat
  /** The way all blobs of the write go. */
  readonly via: IngestionService['via']
  /** Blobs of one submission at most. */
  readonly maxBlobs: number
}

/** How a write makes its plan: with what is missing created at once, or left for later. */
export type Planner = (context: SinkContext, input: WriteInput, settings: WriteSettings) => Promise<SchemaPlan>

/** Plans the schema and settles format and way; when that fails, the source is closed, since nobody will read it. */
export async function prepareWrite(
  context: SinkContext,
  input: WriteInput,
  settings: WriteSettings,
  planner: Planner,
): Promise<WriteSetup> {
  try {
    // Storage that may not see a token is refused before anything is changed.
    context.staging(settings, 'rest')
    const startedAt = performance.now()
    const plan = await planner(context, input, settings)
    const columns = plan.targets.map((target) => target.column)
    settings.onEvent({
      kind: 'schema-planned',
      table: input.table,
      columns: columns.length,
      elapsedMs: performance.now() - startedAt,
      ...(input.size === undefined ? {} : { expected: input.size }),
    })
    const format = chooseFormat(input.schema, plan, settings)
    const { via, maxBlobs } = await context.ingestion.get({ signal: settings.signal })
    return { plan, columns, format, via, maxBlobs }
  } catch (error) {
    await input.close()
    throw error
  }
}
