import type { BatchInput } from '../arrow/batches.ts'
import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'
import { KustoDataError, KustoUsageError } from '../errors.ts'
import type { IngestionColumnMapping } from '../protocol/ingestion-mapping.ts'
import { decideFormat, writeMapping } from './blob-format.ts'
import type { FormatChoice } from './blob-format.ts'
import { explainCommands } from './explain-commands.ts'
import { openInput } from './open-input.ts'
import type { SchemaPlan } from './plan-schema.ts'
import { planAgainst, sourceColumns } from './prepare-table.ts'
import { describeDifference, schemaDifferences } from './schema-difference.ts'
import type { SchemaDifference } from './schema-difference.ts'
import type { SinkContext } from './sink-context.ts'
import { findIngestedTag } from './skip-write.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'
import { fetchWriteTarget } from './write-target.ts'

/** One column of the data, and the table column it would be written to. */
export interface ExplainedTarget {
  readonly source: string
  /** The type of the data. */
  readonly type: ScalarName
  readonly column: string
  /** The type of the table column. */
  readonly columnType: ScalarName
}

/** What a write would do. Plain data without secrets; `toString` is for people. */
export interface WriteExplanation {
  readonly table: string
  readonly mode: WriteSettings['mode'] | 'streaming'
  readonly exists: boolean
  /** The error that the write would end with before it sends anything; undefined when there is none. */
  readonly fails: { readonly code: string; readonly message: string } | undefined
  /** The value of `ingestIfNotExists` for which nothing would be written. */
  readonly skippedBy: string | undefined
  /** Management commands that change something, in their order; in text that is not known before, `<...>`. */
  readonly commands: readonly string[]
  readonly targets: readonly ExplainedTarget[]
  /** Columns of the table that the write would leave empty. */
  readonly empty: readonly string[]
  /** Columns of the data that a mapping of the caller's leaves out. */
  readonly unmapped: readonly string[]
  /** How the data differ from the table as it is; empty when there is no table yet. */
  readonly differences: readonly SchemaDifference[]
  /** Undefined when the write would fail. */
  readonly format: WriteFormat | 'json' | undefined
  readonly formatReason: string | undefined
  /** The name of a stored mapping, the mapping that would go along, or undefined: columns meet by their names. */
  readonly mapping: string | readonly IngestionColumnMapping[] | undefined
  /** Tags that every extent would get; with `deduplicateBlobs` each has one more. */
  readonly tags: readonly string[]
  /** Known for tables and batches: an iterable would have to be read for it. Bytes are those of the Arrow data. */
  readonly estimate: { readonly rows: number; readonly bytes: number; readonly blobs: number } | undefined
  toString(): string
}

/**
 * Tells what a write would do, and does nothing: it asks for the table's columns, mappings and tags, and reads of the
 * data what their schema needs. The data are closed afterwards, as after a write.
 */
export async function explainWrite(
  context: SinkContext,
  request: { readonly table: string; readonly data: BatchInput },
  settings: WriteSettings,
): Promise<WriteExplanation> {
  const { table } = request
  const input = await openInput(context, request, settings)
  try {
    const skippedBy = await findIngestedTag(context, table, settings)
    const found = await planned(context, input, settings)
    const { plan, choice } = found
    return describeWrite(input, {
      ...found,
      mode: settings.mode,
      skippedBy,
      commands:
        plan === undefined || skippedBy !== undefined ? [] : await explainCommands(context, { table, plan }, settings),
      mapping: plan === undefined || choice === undefined ? undefined : mappingOf(plan, choice.format),
      tags: settings.tags,
      blobs: input.size && blobsOf(input.size, settings),
    })
  } finally {
    await input.close()
  }
}

/** What is known of a write besides its data. */
export interface WriteFacts extends Pick<
  WriteExplanation,
  'mode' | 'fails' | 'skippedBy' | 'commands' | 'mapping' | 'tags'
> {
  /** The table's columns; undefined when there is no such table. */
  readonly columns: readonly KustoColumn[] | undefined
  readonly plan?: SchemaPlan | undefined
  readonly choice?: { readonly format: WriteFormat | 'json'; readonly reason: string } | undefined
  readonly blobs: number | undefined
}

/** The explanation of a write of these data. */
export function describeWrite(
  input: Pick<WriteInput, 'table' | 'schema' | 'isInferred' | 'size'>,
  { mode, fails, skippedBy, commands, mapping, tags, columns, plan, choice, blobs }: WriteFacts,
): WriteExplanation {
  const source = sourceColumns(input.schema, input.isInferred)
  const types = new Map(source.map(({ name, type }) => [name, type]))
  return withText({
    table: input.table,
    mode,
    exists: columns !== undefined,
    fails,
    skippedBy,
    commands,
    targets: (plan?.targets ?? []).map(({ source: name, column }) => ({
      source: name,
      type: types.get(name) ?? column.type,
      column: column.name,
      columnType: column.type,
    })),
    empty: plan?.empty ?? [],
    unmapped: plan?.unmapped ?? [],
    differences: columns === undefined ? [] : schemaDifferences(source, columns),
    format: choice?.format,
    formatReason: choice?.reason,
    mapping,
    tags,
    estimate: input.size && { ...input.size, blobs: blobs ?? 0 },
  })
}

/** Code and message of an error about the data or the call; any other error goes on. */
export function failureOf(error: unknown): NonNullable<WriteExplanation['fails']> {
  if (!(error instanceof KustoUsageError || error instanceof KustoDataError)) throw error
  return { code: error.code, message: error.message }
}

interface Planned {
  readonly columns: readonly KustoColumn[] | undefined
  readonly plan?: SchemaPlan
  readonly choice?: FormatChoice
  readonly fails: WriteExplanation['fails']
}

async function planned(context: SinkContext, input: WriteInput, settings: WriteSettings): Promise<Planned> {
  const target = input.target ?? (await fetchWriteTarget(context, input.table, settings))
  const { columns } = target
  try {
    const plan = planAgainst(target, input, settings)
    return { columns, plan, choice: decideFormat(input.schema, plan, settings), fails: undefined }
  } catch (error) {
    return { columns, fails: failureOf(error) }
  }
}

function mappingOf(plan: SchemaPlan, format: WriteFormat): WriteExplanation['mapping'] {
  if (plan.mapping !== undefined) return plan.mapping.reference ?? plan.mapping.columns
  return format === 'parquet' && plan.sourceLocation === undefined ? undefined : writeMapping(plan, format)
}

function blobsOf({ rows, bytes }: { readonly rows: number; readonly bytes: number }, settings: WriteSettings): number {
  return rows === 0 ? 0 : Math.min(rows, Math.max(1, Math.ceil(bytes / settings.maxBlobBytes)))
}

function withText(explanation: Omit<WriteExplanation, 'toString'>): WriteExplanation {
  return Object.defineProperty({ ...explanation }, 'toString', {
    value: () => formatExplanation(explanation),
    enumerable: false,
  })
}

function formatExplanation(explanation: Omit<WriteExplanation, 'toString'>): string {
  const { table, mode, exists, fails, skippedBy, commands, targets, format, formatReason, mapping, estimate } =
    explanation
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['write', [`${mode}, to table ${table}${exists ? '' : ', which does not exist'}`]],
    ['fails', fails === undefined ? [] : [`${fails.code}: ${fails.message}`]],
    ['skipped', skippedBy === undefined ? [] : [`an extent has the tag ingest-by:${skippedBy}`]],
    ['commands', commands],
    [
      'columns',
      targets.map(({ source, type, column, columnType }) => `${source}: ${type} -> ${column}: ${columnType}`),
    ],
    ['left empty', explanation.empty],
    ['not mapped', explanation.unmapped],
    ['differences', explanation.differences.map(describeDifference)],
    ['format', format === undefined ? [] : [`${format}: ${formatReason ?? ''}`]],
    ['mapping', mapping === undefined ? [] : [typeof mapping === 'string' ? mapping : JSON.stringify(mapping)]],
    ['tags', explanation.tags],
    [
      'estimate',
      estimate === undefined ? [] : [`${estimate.rows} rows, ${estimate.bytes} bytes, about ${estimate.blobs} blobs`],
    ],
  ]
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [title, ...lines.map((line) => `  ${line}`)].join('\n'))
    .join('\n')
}
