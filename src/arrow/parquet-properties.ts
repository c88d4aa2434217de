import { type Data, type Table, Type } from 'apache-arrow'
import type { WriterProperties, WriterPropertiesBuilder } from 'parquet-wasm'
import { distinctValues } from './kernels/distinct-values.ts'

/** Page compression; Kusto reads all of them. */
export type ParquetCompression = 'zstd' | 'snappy' | 'gzip' | 'none'

export interface PropertiesOptions {
  readonly compression: ParquetCompression
  readonly rowGroupRows: number
}

/** How the values of a column are laid out in its pages. */
export type ColumnEncoding = 'dictionary' | 'delta' | 'plain'

type Parquet = typeof import('parquet-wasm')

const SAMPLE_ROWS = 8192
/** A sample of fewer values says nothing. */
const MIN_SAMPLE = 64
/** Encoded pages of a row group wait in the memory of the WASM instance, which never shrinks. */
const ROW_GROUP_BYTES = 16 * 1024 * 1024

/**
 * Writer properties for a file that begins with these rows. Without statistics: the service reads whole files, and they
 * take a fifth of the time (`bench/results/parquet-write.json`).
 */
export function writerProperties(
  parquet: Parquet,
  table: Table,
  { compression, rowGroupRows }: PropertiesOptions,
): WriterProperties {
  const codecs = {
    zstd: parquet.Compression.ZSTD,
    snappy: parquet.Compression.SNAPPY,
    gzip: parquet.Compression.GZIP,
    none: parquet.Compression.UNCOMPRESSED,
  } as const
  // Each setter consumes its builder: nothing is left to free.
  const builder = new parquet.WriterPropertiesBuilder()
    .setCompression(codecs[compression])
    .setStatisticsEnabled(parquet.EnabledStatistics.None)
    .setMaxRowGroupSize(rowGroupRows)
    .setMaxRowGroupBytes(ROW_GROUP_BYTES)
    .setCreatedBy('kusto-arrow')
  return table.schema.fields
    .reduce<WriterPropertiesBuilder>((so, { name }, index) => {
      const encoding = columnEncoding(table.batches[0]?.data.children[index])
      if (encoding === 'dictionary') return so
      const without = so.setColumnDictionaryEnabled(name, false)
      return encoding === 'plain' ? without : without.setColumnEncoding(name, parquet.Encoding.DELTA_BINARY_PACKED)
    }, builder)
    .build()
}

/**
 * Chosen by how often values repeat in a sample. A dictionary looks every value up, which is most of the time of writing
 * a file, so it has to save bytes. Whole numbers and times are as small as differences unless there are few of them.
 */
export function columnEncoding(data: Data | undefined): ColumnEncoding {
  if (data === undefined || data.length < MIN_SAMPLE) return 'dictionary'
  if (data.typeId === Type.Bool || data.typeId === Type.Null) return 'dictionary'
  const { present, distinct } = distinctValues(data, Math.min(data.length, SAMPLE_ROWS))
  if (present < MIN_SAMPLE) return 'dictionary'
  if (data.typeId === Type.Int || data.typeId === Type.Timestamp) return distinct <= 64 ? 'dictionary' : 'delta'
  return distinct <= present / (data.typeId === Type.Float ? 8 : 2) ? 'dictionary' : 'plain'
}
