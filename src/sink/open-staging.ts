import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import { listExtents } from './extent-list.ts'
import type { WriteSetup } from './prepare-write.ts'
import type { SinkContext } from './sink-context.ts'
import { StagingTable } from './staging-table.ts'
import type { Staging } from './staging-table.ts'
import { fetchTableColumns } from './table-schema.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteSettings } from './write-settings.ts'

/**
 * The staging table of a write: one of its own, not made before there are rows, or the caller's.
 * @throws {KustoUsageError} KUSTO_BAD_STAGING_TABLE for a table of the caller's that cannot be used
 */
export async function openStagingTable(
  context: SinkContext,
  { table }: Pick<WriteInput, 'table'>,
  { plan }: Pick<WriteSetup, 'plan'>,
  settings: WriteSettings,
): Promise<Staging> {
  const { stagingTable, signal, creationTime, stagingTimeoutMs } = settings
  if (stagingTable === undefined) {
    const targetExists = plan.create === undefined
    return new StagingTable(context, {
      target: table,
      targetExists,
      columns: plan.columns,
      creationTime,
      stagingTimeoutMs,
    })
  }
  if (stagingTable === table) throw badTable(stagingTable, 'another table than the target, found the target')
  const columns = await fetchTableColumns(context, stagingTable, signal)
  if (columns === undefined) throw badTable(stagingTable, 'a table that exists, found none')
  checkColumns(stagingTable, columns, plan)
  const extents = await listExtents(context, { table: stagingTable }, signal)
  if (extents.length > 0) {
    throw badTable(stagingTable, `an empty table, for all its rows would be moved, found ${extents.length} extents`)
  }
  return {
    name: stagingTable,
    isOwn: false,
    prepare: () => Promise.resolve(),
    drop: () => Promise.resolve(),
  }
}

/** Rows move only into columns of the same name and type, and only columns that are there take values. */
function checkColumns(
  name: string,
  columns: readonly KustoColumn[],
  { columns: target, targets }: WriteSetup['plan'],
): void {
  const wanted = new Set(target.map(show))
  const extra = columns.find((column) => !wanted.has(show(column)))
  if (extra !== undefined) throw badTable(name, `only columns of the target, found ${show(extra)}`)
  const present = new Set(columns.map(show))
  const missing = targets.find(({ column }) => wanted.has(show(column)) && !present.has(show(column)))
  if (missing !== undefined) throw badTable(name, `column ${show(missing.column)}, found none`)
}

const show = (column: KustoColumn): string => `${column.name}:${column.type}`

function badTable(table: string, expected: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_STAGING_TABLE', `stagingTable ${table}: expected ${expected}`, {
    context: { table },
  })
}
