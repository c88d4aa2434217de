import type { Schema } from 'apache-arrow'
import { parquetVerdict } from '../arrow/parquet-columns.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import type { SchemaPlan } from './plan-schema.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

/**
 * Parquet unless a column would not survive it.
 * @throws {KustoUsageError} KUSTO_FORMAT_CANNOT_CARRY when Parquet is demanded for such a column
 */
export function chooseFormat(
  schema: Schema,
  columns: readonly KustoColumn[],
  { format, onEvent }: WriteSettings,
): WriteFormat {
  if (format === 'csv') {
    onEvent({ kind: 'format', format, reason: 'as asked' })
    return format
  }
  const verdict = parquetVerdict(columns, schema.fields)
  if (verdict.ok) {
    const reason = format === undefined ? 'every column survives it' : 'as asked'
    onEvent({ kind: 'format', format: 'parquet', reason })
    return 'parquet'
  }
  if (format === 'parquet') {
    if (verdict.valuesMayFit) {
      onEvent({ kind: 'format', format, reason: 'as asked; a value that Parquet cannot carry ends the write' })
      return format
    }
    throw new KustoUsageError(
      'KUSTO_FORMAT_CANNOT_CARRY',
      `Parquet cannot carry column ${verdict.column}: ${verdict.reason}; write with format 'csv' or leave the format out`,
    )
  }
  onEvent({ kind: 'format', format: 'csv', reason: `Parquet cannot carry column ${verdict.column}: ${verdict.reason}` })
  return 'csv'
}

/** What the service must know of the blobs of a write. */
export function ingestionProperties(
  plan: SchemaPlan,
  format: WriteFormat,
  settings: WriteSettings,
): IngestionProperties {
  return {
    format,
    // Parquet columns are written under the table's names and match by name; CSV fields need their ordinals.
    ...(format === 'csv' ? csvMapping(plan) : {}),
    ...(settings.tags.length > 0 ? { tags: settings.tags } : {}),
    ...(settings.ingestIfNotExists.length > 0 ? { ingestIfNotExists: settings.ingestIfNotExists } : {}),
    ...(settings.creationTime === undefined ? {} : { creationTime: settings.creationTime.toISOString() }),
    flushImmediately: settings.flushImmediately,
    deleteAfterDownload: true,
  }
}

/** A message of the storage queue has room for 64 KB in base64. */
const MAX_MAPPING_BYTES = 32 * 1024

function csvMapping(plan: SchemaPlan): Pick<IngestionProperties, 'ingestionMapping' | 'ingestionMappingType'> {
  const ingestionMapping = JSON.stringify(
    plan.targets.map(({ column }, ordinal) => ({
      Column: column.name,
      DataType: column.type,
      Properties: { Ordinal: String(ordinal) },
    })),
  )
  // Names hold even when the table's columns are put into another order meanwhile, so a mapping goes along while it is small.
  if (plan.isWhole && Buffer.byteLength(ingestionMapping) > MAX_MAPPING_BYTES) return {}
  return { ingestionMapping, ingestionMappingType: 'Csv' }
}
