import type { RecordBatch, Schema } from 'apache-arrow'
import type { KustoColumn } from '../arrow/scalar-types.ts'

/** A property the service attached to a result, for example key `Visualization` for a query that ends in `render`. */
export interface ResultProperty {
  /** The table it is about; undefined when the service did not say (V1). */
  readonly tableId: number | undefined
  readonly key: string
  /** Parsed JSON. */
  readonly value: unknown
}

/** A row of QueryCompletionInformation (V2) or QueryStatus (V1) that is no failure. */
export interface CompletionInformation {
  /** 3 warning, 4 info, 5 verbose, 6 statistics. */
  readonly level: number
  /** For example `QueryResourceConsumption`; the name of the level in V1. */
  readonly name: string
  readonly statusCode: number
  /** Text, mostly JSON. */
  readonly payload: string
}

/**
 * What a response says, in order. Of each primary result: `table`, any number of `batch`, `table-reset` and `progress`, then
 * `table-end`; tables may be interleaved. `end` is last and is the only sign of success.
 */
export type ResponseEvent =
  | {
      readonly kind: 'table'
      /** `TableId` in V2, the ordinal of the table in V1. */
      readonly id: number
      readonly tableKind: string
      readonly name: string
      readonly columns: readonly KustoColumn[]
      readonly schema: Schema
    }
  | { readonly kind: 'batch'; readonly id: number; readonly batch: RecordBatch }
  /** All batches of this table so far are void: the service sends its rows anew (progressive results). */
  | { readonly kind: 'table-reset'; readonly id: number }
  /** `percent` is 0 to 100. */
  | { readonly kind: 'progress'; readonly id: number; readonly percent: number }
  | {
      readonly kind: 'table-end'
      readonly id: number
      readonly rows: number
      /** Per column: values whose 7th fraction digit did not fit the unit and was dropped. */
      readonly lostTicks: readonly number[]
    }
  | { readonly kind: 'properties'; readonly properties: readonly ResultProperty[] }
  | { readonly kind: 'information'; readonly rows: readonly CompletionInformation[] }
  | { readonly kind: 'end' }
