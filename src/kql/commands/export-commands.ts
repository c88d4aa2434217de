import { KustoUsageError } from '../../errors.ts'
import { join, Kql, kql } from '../kql.ts'
import { propertyValue, storageString, withProperties } from './command-properties.ts'

/** Properties of `.export` as the service names them. */
export interface ExportProperties {
  readonly namePrefix?: string
  readonly fileExtension?: string
  /** csv and tsv only. */
  readonly includeHeaders?: 'none' | 'all' | 'firstFile'
  readonly encoding?: 'UTF8NoBOM' | 'UTF8BOM'
  readonly compressionType?: 'gzip' | 'snappy' | 'lz4_raw' | 'brotli' | 'zstd'
  readonly distribution?: 'single' | 'per_node' | 'per_shard'
  /** Bytes of one artifact before compression. */
  readonly sizeLimit?: number
  /** Rows. */
  readonly parquetRowGroupSize?: number
  readonly parquetDatetimePrecision?: 'millisecond' | 'microsecond'
  readonly persistDetails?: boolean
  readonly useNativeParquetWriter?: boolean
}

export interface ExportRequest {
  readonly format: 'parquet' | 'csv' | 'tsv' | 'json'
  /** Storage connection strings with their credentials; the artifacts are spread over them. */
  readonly to: readonly string[]
  readonly query: Kql
  /** Default true. */
  readonly compressed?: boolean
  readonly properties?: ExportProperties
}

const PARQUET_ONLY: readonly (keyof ExportProperties)[] = [
  'parquetRowGroupSize',
  'parquetDatetimePrecision',
  'useNativeParquetWriter',
]

/**
 * An asynchronous export to storage. Values in the query's slots become literals, because a command takes no parameters.
 * @throws {KustoUsageError} KUSTO_BAD_EXPORT for properties that do not fit the format
 */
export function exportCommand(request: ExportRequest): Kql {
  const { format, to, query, compressed = true, properties = {} } = request
  checkExport(format, to, properties, compressed)
  const compressedWord = Kql.raw(compressed ? 'compressed ' : '')
  const targets = join(to.map(storageString), ', ')
  const options = withProperties(
    Object.entries(properties).map(([key, value]: [string, string | number | boolean | undefined]) => [
      key,
      value === undefined ? undefined : propertyValue(value),
    ]),
  )
  return kql`.export async ${compressedWord}to ${Kql.raw(format)} (${targets})${options} <| ${query.inline()}`
}

function checkExport(
  format: ExportRequest['format'],
  to: readonly string[],
  properties: ExportProperties,
  compressed: boolean,
): void {
  if (to.length === 0) throw badExport('expected at least one storage connection string, found none')
  const { compressionType, includeHeaders, sizeLimit, parquetRowGroupSize } = properties
  if (format !== 'parquet') {
    const misplaced = PARQUET_ONLY.filter((key) => properties[key] !== undefined)
    if (misplaced.length > 0) throw badExport(`expected ${misplaced.join(', ')} with format parquet, found ${format}`)
    if (compressionType !== undefined && compressionType !== 'gzip') {
      throw badExport(`expected compressionType gzip with format ${format}, found ${compressionType}`)
    }
  }
  if (compressionType !== undefined && !compressed) {
    throw badExport('expected compressed with a compressionType, found an uncompressed export')
  }
  if (includeHeaders !== undefined && format !== 'csv' && format !== 'tsv') {
    throw badExport(`expected includeHeaders with csv or tsv, found ${format}`)
  }
  for (const [key, value] of Object.entries({ sizeLimit, parquetRowGroupSize })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw badExport(`expected a whole positive ${key}, found ${value}`)
    }
  }
}

function badExport(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_EXPORT', message)
}

/** Containers the service offers for exports: StorageRoot with a write SAS, several rows. Ingestion endpoint. */
export function showExportContainers(): Kql {
  return kql`.show export containers`
}

/** One temporary container: StorageRoot with SAS. Ingestion endpoint. */
export function createTempStorage(): Kql {
  return kql`.create tempstorage`
}
