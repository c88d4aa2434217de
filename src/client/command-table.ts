import { KustoProtocolError, type KustoErrorContext } from '../errors.ts'
import { serviceErrorFrom } from '../protocol/one-api-error.ts'

/**
 * A cell of a management command's answer: bool boolean; int and real number; long bigint; dynamic JSON text;
 * everything else the service's text; null for null.
 */
export type CommandCell = boolean | number | bigint | string | null

/** The rows of a management command's answer. */
export interface CommandTable {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly CommandRow[]
}

/** One row; cells are found by position or by column name, the first of that name. */
export class CommandRow {
  readonly cells: readonly CommandCell[]
  readonly #positions: ReadonlyMap<string, number>

  constructor(cells: readonly CommandCell[], positions: ReadonlyMap<string, number>) {
    this.cells = cells
    this.#positions = positions
  }

  has(column: string): boolean {
    return this.#positions.has(column)
  }

  /** @throws {KustoProtocolError} KUSTO_NO_COLUMN when the answer has no such column */
  cell(column: string): CommandCell {
    const position = this.#positions.get(column)
    if (position === undefined) {
      const found = [...this.#positions.keys()].join(', ')
      throw new KustoProtocolError('KUSTO_NO_COLUMN', `expected a column ${column}, found ${found}`)
    }
    return this.cells[position] ?? null
  }

  /** The cell as text; empty for null. */
  text(column: string): string {
    const cell = this.cell(column)
    return cell === null ? '' : String(cell)
  }

  /** The cell as a number; undefined for null and for text that is none. Loses digits of longs beyond 2^53. */
  number(column: string): number | undefined {
    const cell = this.cell(column)
    const value = cell === null || cell === '' ? Number.NaN : Number(cell)
    return Number.isNaN(value) ? undefined : value
  }
}

interface V1Column {
  readonly name: string
  readonly type: string
}

const TYPE_BY_DOTNET: ReadonlyMap<string, string> = new Map([
  ['string', 'string'],
  ['int32', 'int'],
  ['int64', 'long'],
  ['double', 'real'],
  ['boolean', 'bool'],
  ['sbyte', 'bool'],
  ['datetime', 'datetime'],
  ['timespan', 'timespan'],
  ['guid', 'guid'],
  ['object', 'dynamic'],
  ['sqldecimal', 'decimal'],
])
const TYPE_ALIASES: ReadonlyMap<string, string> = new Map([
  ['boolean', 'bool'],
  ['date', 'datetime'],
  ['time', 'timespan'],
  ['double', 'real'],
  ['uuid', 'guid'],
  ['uniqueid', 'guid'],
  ['int32', 'int'],
  ['int64', 'long'],
])

/** Reads an answer to its end and closes it. */
export async function readCommandTable(response: {
  readonly body: AsyncIterable<Uint8Array>
  readonly clientRequestId: string
  readonly activityId: string | undefined
}): Promise<CommandTable> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return parseCommandTable(Buffer.concat(chunks).toString('utf8'), {
    clientRequestId: response.clientRequestId,
    activityId: response.activityId,
  })
}

/**
 * The first table of a V1 object. Layout:
 *
 *     { "Tables": [{ "TableName", "Columns": [{ "ColumnName", "DataType", "ColumnType"? }],
 *                    "Rows": [[...] | { "Exceptions": [...] } | { "OneApiErrors": [...] }] }], "Exceptions"? }
 *
 * @throws {KustoServiceError} for an error inside the answer
 * @throws {KustoProtocolError} KUSTO_BAD_V1 for anything else than a V1 object
 */
export function parseCommandTable(
  json: string,
  ids: { readonly clientRequestId?: string; readonly activityId?: string | undefined } = {},
): CommandTable {
  const context = ids.clientRequestId === undefined ? {} : { clientRequestId: ids.clientRequestId }
  const answer = parseExact(json, context)
  const throwErrors = (holder: unknown): void => {
    const [error] = list(member(holder, 'OneApiErrors'))
    const [text] = list(member(holder, 'Exceptions'))
    if (error === undefined && text === undefined) return
    const fallbackMessage = typeof text === 'string' ? text : 'an error without text inside the answer'
    throw serviceErrorFrom(error, {
      status: 200,
      fallbackMessage,
      fallbackCode: 'KUSTO_COMMAND_FAILED',
      activityId: ids.activityId,
      context,
    })
  }
  throwErrors(answer)
  const [table] = list(member(answer, 'Tables'))
  const rows = member(table, 'Rows')
  if (!Array.isArray(rows)) throw badV1('Tables[0].Rows as a list', context)
  const columns = list(member(table, 'Columns')).map((column) => columnOf(column, context))
  const positions = new Map<string, number>()
  columns.forEach(({ name }, position) => {
    if (!positions.has(name)) positions.set(name, position)
  })
  return {
    columns,
    rows: rows.map((row: unknown) => {
      if (!Array.isArray(row)) {
        throwErrors(row)
        throw badV1('a row as a list', context)
      }
      return new CommandRow(
        columns.map(({ type }, position) => cellOf(row[position], type)),
        positions,
      )
    }),
  }
}

/** In front of the digits of a number that a double would round. A private-use character: no answer holds it. */
const EXACT = '\uE000'
const TOKEN = /"|-?\d[\d.eE+-]*/g
const LONG_NUMBER = /^-?\d{16,}$/
const EXACT_STRING = new RegExp(`"${EXACT}(-?\\d+)"`, 'g')

/** JSON.parse that keeps integers of more than 15 digits, as marked text. */
function parseExact(json: string, context: KustoErrorContext): unknown {
  try {
    return JSON.parse(/\d{16}/.test(json) ? markLongNumbers(json) : json)
  } catch (cause) {
    throw new KustoProtocolError('KUSTO_BAD_V1', 'expected a V1 answer in JSON, found something else', {
      cause,
      context,
    })
  }
}

/** Strings are stepped over by hand: a pattern for them overflows the stack where a cell has millions of characters. */
function markLongNumbers(json: string): string {
  const parts: string[] = []
  let copied = 0
  const tokens = new RegExp(TOKEN)
  for (let found = tokens.exec(json); found !== null; found = tokens.exec(json)) {
    const [token] = found
    if (token === '"') tokens.lastIndex = endOfString(json, found.index)
    else if (LONG_NUMBER.test(token)) {
      parts.push(json.slice(copied, found.index), `"${EXACT}${token}"`)
      copied = tokens.lastIndex
    }
  }
  return parts.join('') + json.slice(copied)
}

/** Behind the quote that ends the string that starts here. */
function endOfString(json: string, start: number): number {
  let end = start
  let slashes: number
  do {
    end = json.indexOf('"', end + 1)
    if (end < 0) return json.length
    slashes = 0
    while (json[end - 1 - slashes] === '\\') slashes++
  } while (slashes % 2 === 1)
  return end + 1
}

function cellOf(value: unknown, type: string): CommandCell {
  if (value === null || value === undefined) return null
  if (typeof value === 'object') return exactJson(value)
  if (type === 'dynamic') return typeof value === 'string' && !value.startsWith(EXACT) ? value : exactJson(value)
  if (typeof value === 'string' && value.startsWith(EXACT)) {
    const digits = value.slice(EXACT.length)
    return type === 'long' ? BigInt(digits) : type === 'real' ? Number(digits) : digits
  }
  if (type === 'long' && (typeof value === 'number' || typeof value === 'string')) return longOf(value)
  if (type === 'bool' && (typeof value === 'number' || typeof value === 'string')) {
    return value === 1 || value === '1' || value === 'true' || value === 'True'
  }
  if (type === 'real' && typeof value === 'string') return Number(value.replace(/^([+-]?)Inf$/, '$1Infinity'))
  return typeof value === 'number' && !['int', 'real'].includes(type) ? String(value) : (value as CommandCell)
}

function longOf(value: number | string): CommandCell {
  return /^-?\d+$/.test(String(value)) ? BigInt(value) : String(value)
}

function exactJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(EXACT_STRING, '$1')
}

function columnOf(column: unknown, context: KustoErrorContext): V1Column {
  const name = member(column, 'ColumnName')
  if (typeof name !== 'string') throw badV1('ColumnName as text', context)
  const declared = member(column, 'ColumnType')
  if (typeof declared === 'string') return { name, type: TYPE_ALIASES.get(declared.toLowerCase()) ?? declared }
  const dotnet = member(column, 'DataType')
  const word = typeof dotnet === 'string' ? dotnet.toLowerCase().split('.').at(-1) : undefined
  return { name, type: TYPE_BY_DOTNET.get(word ?? '') ?? 'string' }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function badV1(expected: string, context: KustoErrorContext): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BAD_V1', `expected ${expected}, found something else`, { context })
}
