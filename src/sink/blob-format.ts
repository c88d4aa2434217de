import type { Schema } from 'apache-arrow'
import { parquetVerdict } from '../arrow/parquet-columns.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import { formatIngestionMapping } from '../protocol/ingestion-mapping.ts'
import type { IngestionColumnMapping, ResolvedMapping } from '../protocol/ingestion-mapping.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import { validationPolicyJson } from './ingestion-options.ts'
import type { SchemaPlan } from './plan-schema.ts'
import type { WriteFormat, WriteSettings } from './write-settings.ts'

/** A format, and why it is this one. */
export interface FormatChoice {
  readonly format: WriteFormat
  readonly reason: string
}

/**
 * Parquet unless a column would not survive it, and tells so.
 * @throws {KustoUsageError} KUSTO_FORMAT_CANNOT_CARRY when Parquet is demanded for such a column
 */
export function chooseFormat(
  schema: Schema,
  plan: Pick<SchemaPlan, 'targets' | 'mapping'>,
  settings: WriteSettings,
): WriteFormat {
  const choice = decideFormat(schema, plan, settings)
  settings.onEvent({ kind: 'format', ...choice })
  return choice.format
}

/** @throws {KustoUsageError} KUSTO_FORMAT_CANNOT_CARRY when Parquet is demanded for a column that would not survive it */
export function decideFormat(
  schema: Schema,
  { targets, mapping }: Pick<SchemaPlan, 'targets' | 'mapping'>,
  settings: Pick<WriteSettings, 'format'>,
): FormatChoice {
  const format = mapping?.format ?? settings.format
  const asked = mapping === undefined ? 'as asked' : `the mapping is one for ${mapping.format}`
  if (format === 'csv') return { format, reason: asked }
  const columns: readonly KustoColumn[] = targets.map(({ column }) => column)
  const verdict = parquetVerdict(columns, schema.fields)
  if (verdict.ok) return { format: 'parquet', reason: format === undefined ? 'every column survives it' : asked }
  if (format === undefined) {
    return { format: 'csv', reason: `Parquet cannot carry column ${verdict.column}: ${verdict.reason}` }
  }
  if (verdict.valuesMayFit) {
    return { format, reason: `${asked}; a value that Parquet cannot carry ends the write` }
  }
  throw new KustoUsageError(
    'KUSTO_FORMAT_CANNOT_CARRY',
    `Parquet cannot carry column ${verdict.column}: ${verdict.reason}; write with format 'csv' or leave the format out`,
  )
}

/** What the service must know of the blobs of a write. */
export function ingestionProperties(
  plan: SchemaPlan,
  format: WriteFormat,
  settings: WriteSettings,
): IngestionProperties {
  const { tags, ingestIfNotExists, creationTime, validationPolicy } = settings
  return Object.freeze({
    format,
    ...(plan.mapping === undefined ? ownMapping(plan, format) : givenMapping(plan.mapping)),
    ...(tags.length > 0 ? { tags } : {}),
    ...(ingestIfNotExists.length > 0 ? { ingestIfNotExists } : {}),
    ...(creationTime === undefined ? {} : { creationTime: creationTime.toISOString() }),
    ...(settings.ignoreFirstRecord ? { ignoreFirstRecord: true } : {}),
    ...(validationPolicy === undefined ? {} : { validationPolicy: validationPolicyJson(validationPolicy) }),
    flushImmediately: settings.flushImmediately,
    deleteAfterDownload: settings.deleteIngestedBlobs,
  })
}

/** A message of the storage queue has room for 64 KB in base64. */
const MAX_MAPPING_BYTES = 32 * 1024

type MappingProperties = Pick<
  IngestionProperties,
  'ingestionMapping' | 'ingestionMappingReference' | 'ingestionMappingType'
>

function givenMapping({ format, columns, reference }: ResolvedMapping): MappingProperties {
  const ingestionMappingType = mappingType(format)
  if (reference !== undefined) return { ingestionMappingReference: reference, ingestionMappingType }
  return { ingestionMapping: formatIngestionMapping(columns), ingestionMappingType }
}

/** Parquet columns are written under the table's names and match by name; CSV fields need their ordinals. */
function ownMapping(plan: SchemaPlan, format: WriteFormat): MappingProperties {
  if (format === 'parquet' && plan.sourceLocation === undefined) return {}
  const ingestionMapping = formatIngestionMapping(writeMapping(plan, format))
  // Names hold even when the table's columns are put into another order meanwhile, so a mapping goes along while it is small.
  if (plan.isWhole && Buffer.byteLength(ingestionMapping) > MAX_MAPPING_BYTES) return {}
  return { ingestionMapping, ingestionMappingType: mappingType(format) }
}

/** The mapping that a plan without one of the caller's comes to. */
export function writeMapping(
  { targets, sourceLocation }: SchemaPlan,
  format: WriteFormat,
): readonly IngestionColumnMapping[] {
  const columns = targets.map(({ column: { name, type } }, ordinal) => ({
    column: name,
    datatype: type,
    ...(format === 'csv' ? { ordinal } : { field: name }),
  }))
  if (sourceLocation === undefined) return columns
  return [...columns, { column: sourceLocation, datatype: 'string', transform: 'SourceLocation' }]
}

function mappingType(format: WriteFormat): string {
  return format === 'csv' ? 'Csv' : 'Parquet'
}
