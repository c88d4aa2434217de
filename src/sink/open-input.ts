import { readBatches } from '../arrow/batches.ts'
import type { BatchInput } from '../arrow/batches.ts'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { mappedField } from '../protocol/ingestion-mapping.ts'
import type { SinkContext } from './sink-context.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteSettings } from './write-settings.ts'
import { fetchWriteTarget } from './write-target.ts'
import type { WriteTarget } from './write-target.ts'

/**
 * Opens what is to be written as batches of one schema. Plain objects get the types of the table's columns they go to,
 * so the table is asked for then; any other input tells its own schema.
 */
export async function openInput(
  context: SinkContext,
  { table, data }: { readonly table: string; readonly data: BatchInput },
  settings: WriteSettings,
): Promise<WriteInput> {
  const { signal, inferRows } = settings
  let target: WriteTarget | undefined
  const source = await readBatches(data, {
    inferRows,
    columnTypes: async (names) => {
      target = await fetchWriteTarget(context, table, settings)
      return columnTypesOf(names, target, settings)
    },
    ...(signal === undefined ? {} : { signal }),
  })
  return { ...source, table, ...(target === undefined ? {} : { target }) }
}

/** The type of the table column that each column of rows goes to; undefined where there is none. */
export function columnTypesOf(
  names: readonly string[],
  { columns = [], mapping }: WriteTarget,
  { adjustSchema }: WriteSettings,
): readonly (ScalarName | undefined)[] {
  const byName = new Map(columns.map(({ name, type }) => [name, type]))
  if (mapping !== undefined) {
    return names.map((name, index) => {
      const element = mapping.columns.find((each) =>
        mapping.format === 'csv' ? each.ordinal === index : mappedField(each) === name,
      )
      return element === undefined || element.transform !== undefined ? undefined : byName.get(element.column)
    })
  }
  return names.map((name, index) => (adjustSchema === 'NoAdjustment' ? columns[index]?.type : byName.get(name)))
}
