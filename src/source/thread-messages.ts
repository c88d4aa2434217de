import type { BatchBuffers } from '../arrow/batch-transfer.ts'
import type { KustoColumn, TypeSettings } from '../arrow/scalar-types.ts'

/** How Parquet bytes become batches. */
export interface DecodeSettings {
  readonly columns: readonly KustoColumn[]
  readonly types: TypeSettings
  readonly batchRows: number
}

/** One row group, as the footer describes it. */
export interface RowGroupSize {
  readonly rows: number
  /** Bytes of its columns before compression. */
  readonly bytes: number
}

/** What the footer of a file says. */
export interface FileFooter {
  readonly rows: number
  readonly rowGroups: readonly RowGroupSize[]
}

/** One decoded row group. */
export interface DecodedRowGroup {
  readonly batches: readonly BatchBuffers[]
  readonly rows: number
  /** Per column: times with a digit below the wanted unit, which was cut. */
  readonly lostTicks: readonly number[]
}

/** What a caller's module is told about the partition it runs on. */
export interface PartitionInfo {
  readonly index: number
  readonly rows: number
  readonly blobs: number
}

/** What a caller's module gave back, and what decoding for it found. */
export interface ModuleOutcome {
  readonly result: unknown
  readonly rows: number
  readonly lostTicks: readonly number[]
}

/** A blob on its way to a caller's module. */
export interface SuppliedBlob {
  /** In shared memory. */
  readonly parquet: Uint8Array<SharedArrayBuffer>
  /** Rows the export counted. */
  readonly rows: number
  /** Without query string, for errors. */
  readonly url: string
}

/** To a thread. Parquet bytes are shared, not copied; a run asks for its blobs, `SuppliedBlob`, one by one. */
export type ToThread =
  | ({
      readonly kind: 'open'
      readonly id: number
      readonly file: number
      readonly parquet: Uint8Array<SharedArrayBuffer>
    } & DecodeSettings)
  | { readonly kind: 'read'; readonly id: number; readonly file: number; readonly rowGroup: number }
  | { readonly kind: 'close'; readonly file: number }
  | ({
      readonly kind: 'run'
      readonly id: number
      /** URL of an ES module. */
      readonly module: string
      readonly partition: PartitionInfo
      readonly data: unknown
    } & DecodeSettings)
