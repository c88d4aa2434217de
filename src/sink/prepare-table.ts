import type { Schema } from 'apache-arrow'
import { ANY_SCALAR, arrowKind, kustoColumns } from '../arrow/kusto-columns.ts'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { alterMergeTable, createMergeTable } from '../kql/commands/table-commands.ts'
import type { Kql } from '../kql/kql.ts'
import { decideFormat } from './blob-format.ts'
import { planMapping } from './plan-mapping.ts'
import { planSchema } from './plan-schema.ts'
import type { SchemaPlan } from './plan-schema.ts'
import type { SourceColumn } from './schema-problems.ts'
import type { SinkContext } from './sink-context.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteSettings } from './write-settings.ts'
import { fetchWriteTarget } from './write-target.ts'
import type { WriteTarget } from './write-target.ts'

/**
 * Plans how the columns of the data meet those of the table, and creates what is missing.
 * @throws {KustoUsageError} the errors of `planSchema`, before anything is changed
 */
export async function prepareTable(
  context: SinkContext,
  input: TableInput,
  settings: WriteSettings,
): Promise<SchemaPlan> {
  const plan = await planTable(context, input, settings)
  // A format that cannot carry the data is refused before a table is made for them.
  decideFormat(input.schema, plan, settings)
  await applySchemaPlan(context, { table: input.table, plan }, settings)
  return plan
}

type TableInput = Pick<WriteInput, 'table' | 'schema' | 'isInferred' | 'target'>

/** Plans how the columns of the data meet those of the table, and changes nothing. */
export async function planTable(context: SinkContext, input: TableInput, settings: WriteSettings): Promise<SchemaPlan> {
  return planAgainst(input.target ?? (await fetchWriteTarget(context, input.table, settings)), input, settings)
}

/** How the columns of the data meet those of a table as it is known. */
export function planAgainst(
  { columns: target, mapping }: WriteTarget,
  { table, schema, isInferred }: Pick<WriteInput, 'table' | 'schema' | 'isInferred'>,
  { create, adjustSchema, sourceLocationColumn }: WriteSettings,
): SchemaPlan {
  const source = sourceColumns(schema, isInferred)
  if (mapping !== undefined && source.length > 0) return planMapping({ table, source, target, create, mapping })
  return planSchema({ table, source, target, create, adjustSchema, sourceLocation: sourceLocationColumn })
}

/** Creates the table, or adds the columns, that a plan found missing; to be repeated without harm. */
export async function applySchemaPlan(
  context: SinkContext,
  { table, plan }: { readonly table: string; readonly plan: SchemaPlan },
  { signal, onEvent }: WriteSettings,
): Promise<void> {
  for (const command of schemaCommands(table, plan)) await context.command(command, signal)
  if (plan.create !== undefined) onEvent({ kind: 'table-created', table })
  if (plan.add.length > 0) {
    onEvent({ kind: 'columns-added', table, columns: plan.add.map((column) => column.name) })
  }
}

/** The commands that create the table, or add the columns, that a plan found missing. */
export function schemaCommands(table: string, { create, add }: SchemaPlan): readonly Kql[] {
  return [
    ...(create === undefined ? [] : [createMergeTable(table, create)]),
    ...(add.length === 0 ? [] : [alterMergeTable(table, add)]),
  ]
}

const NUMBERS: readonly ScalarName[] = ['int', 'long', 'real', 'decimal']

/** Nulls fit any column, and a number of JavaScript any that holds its value: the encoder checks each. */
export function sourceColumns(schema: Schema, isInferred: boolean): readonly SourceColumn[] {
  const columns = kustoColumns(schema)
  return schema.fields.flatMap((field, index) => {
    const column = columns[index]
    if (column === undefined) return []
    const kind = arrowKind(field)
    if (kind === 'null') return [{ ...column, takes: ANY_SCALAR }]
    return [isInferred && NUMBERS.includes(column.type) ? { ...column, takes: NUMBERS } : column]
  })
}
