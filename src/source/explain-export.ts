import type { KustoColumn } from '../arrow/scalar-types.ts'
import { exportCommand } from '../kql/commands/export-commands.ts'
import type { ReadSettings } from './read-settings.ts'
import { exportQuery } from './source-query.ts'
import type { SourceQuery } from './source-query.ts'
import type { TransientStorageSettings } from './transient-storage.ts'

/**
 * The export a distributed read sends, with `*****` for secrets and for the folder, which each attempt makes up. With
 * `partitionBy` there is one for each partition, which also has the partition's condition.
 */
export function explainExport(
  source: SourceQuery,
  columns: readonly KustoColumn[],
  { types, compression, sizeLimit, distribution, storage }: ReadSettings,
): string {
  return exportCommand({
    format: 'parquet',
    to: maskedTargets(storage),
    query: exportQuery(source, columns, types),
    compressed: compression !== 'none',
    properties: {
      namePrefix: 'kusto-arrow/*****/part',
      ...(compression === 'none' ? {} : { compressionType: compression }),
      parquetDatetimePrecision: 'microsecond',
      ...(sizeLimit === undefined ? {} : { sizeLimit }),
      ...(distribution === undefined ? {} : { distribution }),
    },
  }).text
}

function maskedTargets(storage: TransientStorageSettings): readonly string[] {
  if (storage.kind === 'service') return ['the containers of the service;*****']
  return storage.entries.map(({ url }) => `${url};*****`)
}
