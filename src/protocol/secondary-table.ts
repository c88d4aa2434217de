import type { KustoServiceError } from '../errors.ts'
import { malformed } from './response-columns.ts'
import type { CompletionInformation, ResultProperty } from './response-events.ts'
import { failureInside, statusFailure } from './response-failure.ts'

/** A table about the result rather than of it: small, so it is kept as parsed JSON. */
export interface SecondaryTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

/**
 * The rows of a secondary table from parsed JSON.
 * @throws {KustoServiceError} when an error stands in place of a row.
 */
export function secondaryRows(json: unknown, path: string): readonly (readonly unknown[])[] {
  if (!Array.isArray(json)) throw malformed('expected Rows to be an array', path)
  return json.map((row: unknown, index): readonly unknown[] => {
    if (Array.isArray(row)) return row
    const failure = failureInside(row)
    throw failure ?? malformed(`expected row ${index} to be an array`, path)
  })
}

/** Failures and the rest of a QueryCompletionInformation or QueryStatus table. Level 2 and below is failure. */
export function readCompletion(table: SecondaryTable): {
  readonly failures: readonly KustoServiceError[]
  readonly rows: readonly CompletionInformation[]
} {
  const failures: KustoServiceError[] = []
  const rows: CompletionInformation[] = []
  const isV2 = table.columns.includes('Level')
  for (const row of table.rows) {
    const cell = (name: string): unknown => row[table.columns.indexOf(name)]
    const level = cell(isV2 ? 'Level' : 'Severity')
    const payload = textOf(cell(isV2 ? 'Payload' : 'StatusDescription')) ?? ''
    const code = numberOf(cell('StatusCode'))
    if (typeof level === 'number' && level <= 2) {
      const name = textOf(cell('StatusCodeName'))
      failures.push(statusFailure({ code, name, text: textIn(payload), activityId: textOf(cell('ActivityId')) }))
    } else {
      const name = textOf(cell(isV2 ? 'EventTypeName' : 'SeverityName')) ?? ''
      rows.push({ level: numberOf(level), name, statusCode: code, payload })
    }
  }
  return { failures, rows }
}

/** The properties in a QueryProperties table: V2 has `TableId, Key, Value`, V1 only `Value`; values are JSON texts. */
export function readProperties(table: SecondaryTable): readonly ResultProperty[] {
  return table.rows.map((row): ResultProperty => {
    const cell = (name: string): unknown => row[table.columns.indexOf(name)]
    const value = parseIfJson(cell('Value'))
    const tableId = cell('TableId')
    return {
      tableId: typeof tableId === 'number' ? tableId : undefined,
      key: textOf(cell('Key')) ?? keyOf(value),
      value,
    }
  })
}

/** A V1 property says what it is by what it holds, `{ "Visualization": "piechart", ... }`. */
function keyOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  return 'Visualization' in value ? 'Visualization' : (Object.keys(value)[0] ?? '')
}

/** The text of a payload such as `{"Count":1,"Text":"..."}`; a payload that is plain text is its own. */
function textIn(payload: string): string {
  const value = parseIfJson(payload)
  const text = typeof value === 'object' && value !== null && 'Text' in value ? value.Text : undefined
  return textOf(text) ?? payload
}

function parseIfJson(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
