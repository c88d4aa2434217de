import { ticksFromUnixMs } from '../../base/ticks.ts'
import type { Cell, Column } from '../lang/syntax.ts'
import type { ByteBuffer } from './byte-buffer.ts'
import { encodeCells } from './encode-rows.ts'
import type { LocalError } from './local-error.ts'
import { oneApiError, type ErrorContext } from './one-api-error.ts'
import {
  consumptionJson,
  statusCode,
  visualizationJson,
  type QueryEncoder,
  type QueryOutcome,
} from './query-encoder.ts'
import type { ErrorPlacement, FrameLayout } from './request-options.ts'

export interface FrameEncoderOptions {
  readonly out: ByteBuffer
  readonly layout: FrameLayout
  /** Rows after which a fragment is complete; default after each chunk. */
  readonly fragmentRows: number | undefined
  /** Report failures in the completion table only. */
  readonly deferFailures: boolean
  readonly context: ErrorContext
}

const PLACEMENT_NAMES: Readonly<Record<ErrorPlacement, string>> = {
  in_data: 'InData',
  end_of_table: 'EndOfTable',
  end_of_dataset: 'EndOfDataset',
}

/**
 * The v2 answer: an array of frames. Key orders are part of the format, because clients rely on them: FrameType first,
 * Rows last, the five header keys in this order. A frame never contains a raw line break.
 */
export class FrameEncoder implements QueryEncoder {
  readonly #out: ByteBuffer
  readonly #options: FrameEncoderOptions
  /** Primary tables come as header, fragments and completion. */
  readonly #inParts: boolean
  #frames = 0
  #tableId = 0
  #rowsInTable = 0
  #rowsInFragment = 0
  #fragments = 0
  #fragmentOpen = false
  readonly #described = new Map<LocalError, Readonly<Record<string, unknown>>>()

  constructor(options: FrameEncoderOptions) {
    this.#out = options.out
    this.#options = options
    this.#inParts = options.layout.progressive || options.layout.fragmented
  }

  start(visualization: Readonly<Record<string, unknown>> | undefined): void {
    const { progressive, placement } = this.#options.layout
    this.#frame(
      `"FrameType":"DataSetHeader","IsProgressive":${progressive},"Version":"v2.0","IsFragmented":${this.#inParts},` +
        `"ErrorReportingPlacement":"${PLACEMENT_NAMES[placement]}"`,
    )
    // The value is typed dynamic and is, as in the service, a string that holds JSON.
    const value = JSON.stringify(visualizationJson(visualization))
    this.#dataTable('QueryProperties', '@ExtendedProperties', PROPERTY_COLUMNS, [[1, 'Visualization', value]])
  }

  openTable(name: string, columns: readonly Column[]): void {
    const description = tableDescription(this.#tableId, 'PrimaryResult', name, columns)
    this.#rowsInTable = 0
    this.#fragments = 0
    if (this.#inParts) this.#frame(`"FrameType":"TableHeader",${description}`)
    else this.#openFrame(`"FrameType":"DataTable",${description},"Rows":[`)
  }

  beforeRows(): void {
    if (!this.#inParts) {
      if (this.#rowsInTable > 0) this.#out.writeText(',')
      return
    }
    if (this.#fragmentOpen) this.#out.writeText(',')
    else this.#openFragment()
  }

  afterRows(rows: number): void {
    this.#rowsInTable += rows
    this.#rowsInFragment += rows
    if (this.#inParts && this.#rowsInFragment >= (this.#options.fragmentRows ?? 0)) this.#closeFragment()
  }

  closeTable(rows: number, error: LocalError | undefined): void {
    const { layout, deferFailures } = this.#options
    const reported = deferFailures ? undefined : error
    if (reported !== undefined && layout.placement === 'in_data') {
      this.beforeRows()
      this.#out.writeText(JSON.stringify({ OneApiErrors: [this.#describe(reported)] }))
    }
    if (this.#inParts) {
      this.#closeFragment()
      const errors =
        reported !== undefined && layout.placement === 'end_of_table'
          ? `,"OneApiErrors":${JSON.stringify([this.#describe(reported)])}`
          : ''
      this.#frame(`"FrameType":"TableCompletion","TableId":${this.#tableId},"RowCount":${rows}${errors}`)
    } else {
      this.#out.writeText(']}')
    }
    this.#tableId += 1
  }

  finish(outcome: QueryOutcome): void {
    const { error } = outcome
    this.#dataTable(
      'QueryCompletionInformation',
      'QueryCompletionInformation',
      COMPLETION_COLUMNS,
      this.#completionRows(outcome),
    )
    const failed = error !== undefined && !this.#options.deferFailures
    const errors = failed ? `,"OneApiErrors":${JSON.stringify([this.#describe(error)])}` : ''
    this.#frame(`"FrameType":"DataSetCompletion","HasErrors":${failed},"Cancelled":${outcome.cancelled}${errors}`)
    this.#out.writeText(this.#options.layout.newlines ? '\n]\n' : ']')
  }

  #openFragment(): void {
    // A progressive answer may revise itself: its first fragment replaces whatever came before, which is nothing.
    const kind = this.#options.layout.progressive && this.#fragments === 0 ? 'DataReplace' : 'DataAppend'
    this.#openFrame(`"FrameType":"TableFragment","TableFragmentType":"${kind}","TableId":${this.#tableId},"Rows":[`)
    this.#fragmentOpen = true
    this.#fragments += 1
    this.#rowsInFragment = 0
  }

  #closeFragment(): void {
    if (!this.#fragmentOpen) return
    this.#out.writeText(']}')
    this.#fragmentOpen = false
    if (!this.#options.layout.progressive) return
    // How much is left is not known; the share only grows, and stays below 100 until the table is complete.
    const progress = Math.round(1000 * (1 - 1 / (this.#fragments + 1))) / 10
    this.#frame(`"FrameType":"TableProgress","TableId":${this.#tableId},"TableProgress":${progress}`)
  }

  #dataTable(kind: string, name: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): void {
    const body = rows.map((row) => encodeCells(row, columns, 'v2')).join(',')
    this.#frame(`"FrameType":"DataTable",${tableDescription(this.#tableId, kind, name, columns)},"Rows":[${body}]`)
    this.#tableId += 1
  }

  #completionRows(outcome: QueryOutcome): readonly (readonly Cell[])[] {
    const { clientRequestId, activityId } = this.#options.context
    const now = ticksFromUnixMs(Date.now())
    const row = (
      level: readonly [number, string],
      status: readonly [number, string],
      event: readonly [number, string],
      payload: string,
    ): readonly Cell[] => [
      now,
      clientRequestId,
      activityId,
      activityId,
      activityId,
      ...level,
      ...status,
      ...event,
      payload,
    ]
    const ok = [0, 'S_OK (0)'] as const
    const { error } = outcome
    return [
      error === undefined
        ? row([4, 'Info'], ok, [4, 'QueryInfo'], '{"Count":1,"Text":"Query completed successfully"}')
        : row(
            [2, 'Error'],
            [statusCode(error), error.code],
            error.code === 'LimitsExceeded' ? [1, 'QueryLimitsExceeded'] : [2, 'QueryError'],
            JSON.stringify({ Count: 1, Text: error.message }),
          ),
      row([4, 'Info'], ok, [5, 'WorkloadGroup'], '{"Count":1,"Text":"default"}'),
      row([4, 'Info'], ok, [6, 'EffectiveRequestOptions'], '{"Count":1,"Text":"{\\"DataScope\\":\\"All\\"}"}'),
      row([6, 'Stats'], ok, [0, 'QueryResourceConsumption'], consumptionJson(outcome)),
    ]
  }

  /** The same text wherever an error is reported. */
  #describe(error: LocalError): Readonly<Record<string, unknown>> {
    const described = this.#described.get(error) ?? oneApiError(error, this.#options.context)
    this.#described.set(error, described)
    return described
  }

  #frame(body: string): void {
    this.#openFrame(body)
    this.#out.writeText('}')
  }

  #openFrame(body: string): void {
    const separator = this.#frames === 0 ? '[' : this.#options.layout.newlines ? '\n,' : ','
    this.#out.writeText(`${separator}{${body}`)
    this.#frames += 1
  }
}

function tableDescription(id: number, kind: string, name: string, columns: readonly Column[]): string {
  const described = columns.map((column) => ({ ColumnName: column.name, ColumnType: column.type }))
  return `"TableId":${id},"TableKind":"${kind}","TableName":${JSON.stringify(name)},"Columns":${JSON.stringify(described)}`
}

const PROPERTY_COLUMNS: readonly Column[] = [
  { name: 'TableId', type: 'int' },
  { name: 'Key', type: 'string' },
  { name: 'Value', type: 'dynamic' },
]

const COMPLETION_COLUMNS: readonly Column[] = [
  { name: 'Timestamp', type: 'datetime' },
  { name: 'ClientRequestId', type: 'string' },
  { name: 'ActivityId', type: 'guid' },
  { name: 'SubActivityId', type: 'guid' },
  { name: 'ParentActivityId', type: 'guid' },
  { name: 'Level', type: 'int' },
  { name: 'LevelName', type: 'string' },
  { name: 'StatusCode', type: 'int' },
  { name: 'StatusCodeName', type: 'string' },
  { name: 'EventType', type: 'int' },
  { name: 'EventTypeName', type: 'string' },
  { name: 'Payload', type: 'string' },
]
