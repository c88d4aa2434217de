import { KustoDataError, KustoProtocolError } from '../errors.ts'
import type { ByteWindow } from './kernels/byte-window.ts'
import type { RowCursor } from './kernels/read-rows.ts'
import { scanValue, ValueScan } from './kernels/scan-value.ts'
import { MAX_DEPTH, skipJson, skipSpace } from './kernels/skip-json.ts'
import type { KustoColumn } from './scalar-types.ts'

/** Where in the response a row stands, for messages. */
export interface RowPlace {
  /** What holds the rows, for example `frames[3].Rows`. */
  readonly path: string
  /** 0-based row of the table. */
  readonly row: number
}

/**
 * Says why readRows stopped: undefined when it only ran out of bytes, else the error. A cell that is good JSON but not
 * a value of its column is a KustoDataError; all else breaks the wire format.
 */
export function explainStop(
  window: ByteWindow,
  cursor: RowCursor,
  columns: readonly KustoColumn[],
  place: RowPlace,
): KustoDataError | KustoProtocolError | undefined {
  const { buf, view, end } = window
  const { stopColumn, stopCell, stopAt } = cursor
  const rowPath = `${place.path}[${place.row}]`
  const malformed = (at: number, expected: string): KustoProtocolError | undefined =>
    at >= end ? undefined : malformedResponse(`expected ${expected} in row ${place.row}`, window, at, rowPath)

  if (stopColumn < 0) return malformed(stopAt, columns.length === 0 ? 'an empty row' : 'a row or the end of the rows')
  const column = columns[stopColumn]
  if (column === undefined) throw new RangeError(`no column ${stopColumn}`)
  if (buf[stopCell] === 0x5d && stopCell < end) {
    return wrongArity(stopColumn, columns.length, window, stopCell, rowPath, place.row)
  }
  const after = skipJson(buf, view, stopCell)
  if (after < 0) {
    const scan = new ValueScan()
    scanValue(buf, stopCell, ~after, scan)
    const isTooDeep = scan.depth === MAX_DEPTH && (buf[~after] === 0x5b || buf[~after] === 0x7b)
    return malformed(~after, isTooDeep ? `values nested at most ${MAX_DEPTH} levels deep` : 'a JSON value')
  }
  // A number that touches the end may go on in the next bytes.
  if (after >= end) return undefined
  if (stopAt < after) return misfit(column, buf.toString('utf8', stopCell, after), place)
  const next = skipSpace(buf, after)
  if (next >= end) return undefined
  const isLast = stopColumn === columns.length - 1
  if (isLast && buf[next] === 0x2c) {
    return wrongArity(undefined, columns.length, window, next, rowPath, place.row)
  }
  if (!isLast && buf[next] === 0x5d) {
    return wrongArity(stopColumn + 1, columns.length, window, next, rowPath, place.row)
  }
  return malformed(next, isLast ? 'the end of the row' : 'a comma')
}

/** The error for bytes that break the format at position `at` of the window. */
export function malformedResponse(message: string, window: ByteWindow, at: number, path: string): KustoProtocolError {
  const offset = window.base + at
  const found = at >= window.end ? 'the end' : describeByte(window.buf[at] ?? 0)
  return new KustoProtocolError('KUSTO_MALFORMED_RESPONSE', `${message}, found ${found} at byte ${offset} (${path})`, {
    offset,
    path,
  })
}

function wrongArity(
  found: number | undefined,
  expected: number,
  window: ByteWindow,
  at: number,
  path: string,
  row: number,
): KustoProtocolError {
  const offset = window.base + at
  const count = found === undefined ? 'more' : String(found)
  return new KustoProtocolError(
    'KUSTO_MALFORMED_RESPONSE',
    `expected ${expected} cells in row ${row}, found ${count} (${path})`,
    { offset, path },
  )
}

const INTEGER = /^-?\d+$/
const NUMBER = /^-?\d/

function misfit(column: KustoColumn, text: string, place: RowPlace): KustoDataError {
  const unquoted = text.startsWith('"') ? text.slice(1, -1) : text
  const isInteger = (column.type === 'int' || column.type === 'long') && INTEGER.test(text)
  const isOutOfRange =
    isInteger || (['real', 'decimal', 'datetime', 'timespan'].includes(column.type) && NUMBER.test(unquoted))
  const facts = { column: column.name, row: place.row, type: column.type }
  const where = `column ${JSON.stringify(column.name)}, row ${place.row}`
  return isOutOfRange
    ? new KustoDataError(
        'KUSTO_VALUE_OUT_OF_RANGE',
        `expected a ${column.type} that fits its Arrow type (${where})`,
        facts,
      )
    : new KustoDataError('KUSTO_BAD_VALUE', `expected a ${column.type}, found ${kindOfJson(text)} (${where})`, facts)
}

/** What kind of JSON value a text is; its content is row data and stays out of messages. */
function kindOfJson(text: string): string {
  if (text.startsWith('"')) return 'another string'
  if (text.startsWith('{')) return 'an object'
  if (text.startsWith('[')) return 'an array'
  return NUMBER.test(text) ? 'another number' : 'another word'
}

function describeByte(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16).padStart(2, '0')}`
}
