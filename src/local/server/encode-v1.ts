import { randomUUID } from 'node:crypto'
import { ticksFromUnixMs } from '../../base/ticks.ts'
import type { Cell, Column, ScalarName } from '../lang/syntax.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { encodeCells } from './encode-rows.ts'
import type { LocalError } from './local-error.ts'
import type { ErrorContext } from './one-api-error.ts'
import {
  consumptionJson,
  statusCode,
  visualizationJson,
  type QueryEncoder,
  type QueryOutcome,
} from './query-encoder.ts'

/** The .NET names that v1 gives beside Kusto's own; bool travels as 0 and 1, hence SByte. */
const DATA_TYPES: Readonly<Record<ScalarName, string>> = {
  bool: 'SByte',
  int: 'Int32',
  long: 'Int64',
  real: 'Double',
  decimal: 'SqlDecimal',
  string: 'String',
  datetime: 'DateTime',
  timespan: 'TimeSpan',
  guid: 'Guid',
  dynamic: 'Object',
}

/** The v1 answer of a query: `{"Tables":[...]}` with result tables, properties, status and a table of contents. */
export class TablesEncoder implements QueryEncoder {
  readonly #out: ByteBuffer
  readonly #context: ErrorContext
  readonly #names: string[] = []
  #visualization = ''
  #rowsInTable = 0

  constructor(out: ByteBuffer, context: ErrorContext) {
    this.#out = out
    this.#context = context
  }

  start(visualization: Readonly<Record<string, unknown>> | undefined): void {
    this.#visualization = visualizationJson(visualization)
    this.#out.writeText('{"Tables":[')
  }

  openTable(name: string, columns: readonly Column[]): void {
    const separator = this.#names.length === 0 ? '' : ','
    this.#out.writeText(`${separator}{${tableHead(`Table_${this.#names.length}`, columns)},"Rows":[`)
    this.#names.push(name)
    this.#rowsInTable = 0
  }

  beforeRows(): void {
    if (this.#rowsInTable > 0) this.#out.writeText(',')
  }

  afterRows(rows: number): void {
    this.#rowsInTable += rows
  }

  closeTable(_rows: number, error: LocalError | undefined): void {
    if (error !== undefined) {
      this.beforeRows()
      this.#out.writeText(JSON.stringify({ Exceptions: [error.message] }))
    }
    this.#out.writeText(']}')
  }

  finish(outcome: QueryOutcome): void {
    const results = this.#names.length
    const { error } = outcome
    const tables = [
      { columns: [{ name: 'Value', type: 'string' }] as const, rows: [[this.#visualization]] },
      { columns: STATUS_COLUMNS, rows: this.#statusRows(outcome) },
      { columns: CONTENTS_COLUMNS, rows: contents(this.#names) },
    ].map(({ columns, rows }, index) => tableJson(`Table_${results + index}`, columns, rows))
    const exceptions = error === undefined ? '' : `,"Exceptions":${JSON.stringify([error.message])}`
    this.#out.writeText(`${tables.map((table) => `,${table}`).join('')}]${exceptions}}`)
  }

  #statusRows(outcome: QueryOutcome): readonly (readonly Cell[])[] {
    const { clientRequestId, activityId } = this.#context
    const { error } = outcome
    const row = (severity: number, name: string, code: number, text: string): readonly Cell[] => {
      const now = ticksFromUnixMs(Date.now())
      return [now, severity, name, code, text, 1, activityId, activityId, activityId, clientRequestId]
    }
    return [
      error === undefined
        ? row(4, 'Info', 0, 'Query completed successfully')
        : row(2, 'Error', statusCode(error), error.message),
      row(6, 'Stats', 0, consumptionJson(outcome)),
    ]
  }
}

/** The v1 answer of a management command: one table. */
export function commandAnswer(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  return `{"Tables":[${tableJson('Table_0', columns, rows)}]}`
}

/** The v1 answer of a command that is piped on: the form of a query's answer. */
export function pipedCommandAnswer(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  context: ErrorContext,
): string {
  const out = new ByteBuffer(4096)
  const encoder = new TablesEncoder(out, context)
  encoder.start(undefined)
  encoder.openTable('PrimaryResult', columns)
  out.writeText(rows.map((row) => encodeCells(row, columns, 'v1')).join(','))
  encoder.closeTable(rows.length, undefined)
  encoder.finish({ error: undefined, cancelled: false, elapsedMs: 0, rows: rows.length, bytes: out.length })
  return out.take().toString('utf8')
}

function tableJson(name: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  return `{${tableHead(name, columns)},"Rows":[${rows.map((row) => encodeCells(row, columns, 'v1')).join(',')}]}`
}

function tableHead(name: string, columns: readonly Column[]): string {
  const described = columns.map((column) => ({
    ColumnName: column.name,
    DataType: DATA_TYPES[column.type],
    ColumnType: column.type,
  }))
  return `"TableName":${JSON.stringify(name)},"Columns":${JSON.stringify(described)}`
}

function contents(results: readonly string[]): readonly (readonly Cell[])[] {
  const entries = [
    ...results.map((name) => ['QueryResult', name] as const),
    ['QueryProperties', '@ExtendedProperties'] as const,
    ['QueryStatus', 'QueryStatus'] as const,
  ]
  return entries.map(([kind, name], index) => [BigInt(index), kind, name, randomUUID(), ''])
}

const STATUS_COLUMNS: readonly Column[] = [
  { name: 'Timestamp', type: 'datetime' },
  { name: 'Severity', type: 'int' },
  { name: 'SeverityName', type: 'string' },
  { name: 'StatusCode', type: 'int' },
  { name: 'StatusDescription', type: 'string' },
  { name: 'Count', type: 'int' },
  { name: 'RequestId', type: 'guid' },
  { name: 'ActivityId', type: 'guid' },
  { name: 'SubActivityId', type: 'guid' },
  { name: 'ClientActivityId', type: 'string' },
]

const CONTENTS_COLUMNS: readonly Column[] = [
  { name: 'Ordinal', type: 'long' },
  { name: 'Kind', type: 'string' },
  { name: 'Name', type: 'string' },
  { name: 'Id', type: 'string' },
  { name: 'PrettyName', type: 'string' },
]
