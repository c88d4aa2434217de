import { RENDER_DEFAULTS } from '../kql/operators-subquery.ts'
import type { Column } from '../lang/syntax.ts'
import type { LocalError } from './local-error.ts'

/** How a query ended. */
export interface QueryOutcome {
  /** What failed, if something did. */
  readonly error: LocalError | undefined
  readonly cancelled: boolean
  readonly elapsedMs: number
  /** Rows delivered, all tables together. */
  readonly rows: number
  readonly bytes: number
}

/** Writes one query answer, piece by piece, in the order of these methods. Rows are written between `beforeRows` and `afterRows`. */
export interface QueryEncoder {
  start(visualization: Readonly<Record<string, unknown>> | undefined): void
  openTable(name: string, columns: readonly Column[]): void
  beforeRows(): void
  afterRows(rows: number): void
  /** Ends the open table; `error` is why it is incomplete. */
  closeTable(rows: number, error: LocalError | undefined): void
  finish(outcome: QueryOutcome): void
}

/** JSON text of the visualization property, with every key that the service sends. */
export function visualizationJson(visualization: Readonly<Record<string, unknown>> | undefined): string {
  return JSON.stringify({ ...RENDER_DEFAULTS, ...visualization })
}

/** Status code of a failure as the service gives it in completion tables. */
export function statusCode(error: LocalError): number {
  return STATUS_CODES.get(error.code) ?? -2_146_233_088
}

const STATUS_CODES: ReadonlyMap<string, number> = new Map([
  ['LimitsExceeded', -2_133_196_797],
  ['LowMemoryCondition', -2_133_196_793],
  ['QueryCancelled', -2_147_467_260],
  ['RequestExecutionTimeout', -2_146_233_083],
])

/** Resource consumption in the shape of the service; times and counts are real, cache and cpu are not measured. */
export function consumptionJson({ elapsedMs, rows, bytes }: QueryOutcome): string {
  return JSON.stringify({
    ExecutionTime: elapsedMs / 1000,
    resource_usage: { memory: { peak_per_node: 0 } },
    dataset_statistics: [{ table_row_count: rows, table_size: bytes }],
  })
}
