const MB = 1024 * 1024

/**
 * Bytes of rows that are encoded at a time. The Parquet encoder holds a slice several times over in memory that it never
 * gives back, so slices are short: 1 MiB. But each takes it a tenth of a millisecond a column: with more columns they are
 * longer, up to 4 MiB.
 */
export function sliceBytesOf(columns: number): number {
  return Math.min(4 * MB, Math.max(MB, columns * COLUMN_BYTES))
}

const COLUMN_BYTES = 192 * 1024
