import type { ByteWindow } from './byte-window.ts'
import { type ColumnBuilder, KIND } from './column-builder.ts'
import { readBool } from './read-bool.ts'
import { readDatetime } from './read-datetime.ts'
import { readDecimal } from './read-decimal.ts'
import { readDecimalText } from './read-decimal-text.ts'
import { internEmpty, readDictionary } from './read-dictionary.ts'
import { readDynamic } from './read-dynamic.ts'
import { readGuidText, readUuid } from './read-guid.ts'
import { readInt } from './read-int.ts'
import { readLong } from './read-long.ts'
import { readReal } from './read-real.ts'
import { readString } from './read-string.ts'
import { readTimespan } from './read-timespan.ts'
import { skipSpace } from './skip-json.ts'

/** Why {@link readRows} came back. */
export const ROWS: Readonly<Record<'end' | 'full' | 'object' | 'stopped', number>> = Object.freeze({
  /** The `]` of the array of rows was read. */
  end: 0,
  /** The row or byte limit was reached; call again after taking the batch. */
  full: 1,
  /** An object stands where a row should: an error of the service. */
  object: 2,
  /** Something does not fit, or the bytes ran out; `stop...` of the cursor say where. The row was not taken. */
  stopped: 3,
})

/** Where reading an array of rows stands. */
export class RowCursor {
  /** Rows completed in the batch being filled. */
  row: number
  /** Whether the last thing read was a row, so that `,` or `]` must follow. */
  isAfterRow: boolean
  /** When stopped: column of the cell, or -1 outside cells. */
  stopColumn: number
  /** When stopped in or after a cell: position where the cell begins. */
  stopCell: number
  /** When stopped: position of the byte that did not fit. */
  stopAt: number

  constructor() {
    this.row = 0
    this.isAfterRow = false
    this.stopColumn = -1
    this.stopCell = -1
    this.stopAt = -1
  }
}

/**
 * Reads rows `[cell, ...]` from `window.pos`, which is after the `[` of the array or after a row, into the columns.
 * HOT: the loop over every cell. bench/decode.bench.ts.
 *
 * Row-atomic: `window.pos`, `cursor.row` and the columns' contents change only by whole rows; the caller rolls back
 * what was written of a row that did not complete. Needing more bytes is the constant `ROWS.stopped`, not an exception,
 * because it happens once per chunk.
 *
 * Preconditions, not checked: every column has room for `rowLimit` rows and for the unread bytes of the window.
 */
export function readRows(
  window: ByteWindow,
  columns: readonly ColumnBuilder[],
  cursor: RowCursor,
  rowLimit: number,
  byteLimit: number,
): number {
  const { buf, view } = window
  const last = columns.length - 1
  let row = cursor.row
  let { isAfterRow } = cursor
  let p = window.pos
  // Where the last whole row ended.
  let rowEnd = p
  let outcome: number = ROWS.full
  rows: for (;;) {
    if (isAfterRow && buf[p] === 0x2c && buf[p + 1] === 0x5b) p += 2
    else {
      p = skipSpace(buf, p)
      if (isAfterRow && buf[p] === 0x2c) p = skipSpace(buf, p + 1)
      else if (buf[p] === 0x5d) {
        rowEnd = p + 1
        isAfterRow = false
        outcome = ROWS.end
        break
      } else if (isAfterRow) {
        outcome = stop(cursor, -1, -1, p)
        break
      }
      if (buf[p] !== 0x5b) {
        outcome = stop(cursor, -1, -1, p)
        if (buf[p] === 0x7b) outcome = ROWS.object
        break
      }
      p++
    }
    if (last < 0) {
      p = skipSpace(buf, p)
      if (buf[p++] !== 0x5d) {
        outcome = stop(cursor, -1, -1, p - 1)
        break
      }
    }
    for (let index = 0; index <= last; index++) {
      const column = columns[index]!
      let cell = p
      p = readCell(buf, view, p, column, row)
      if (p < 0) {
        // White space or a null, unless it is an error or the end of the bytes.
        cell = skipSpace(buf, cell)
        p = buf[cell] === 0x6e ? readNull(buf, cell, column, row) : readCell(buf, view, cell, column, row)
        if (p < 0) {
          outcome = stop(cursor, index, cell, ~p)
          break rows
        }
      }
      const separator = index === last ? 0x5d : 0x2c
      if (buf[p] !== separator) {
        p = skipSpace(buf, p)
        if (buf[p] !== separator) {
          outcome = stop(cursor, index, skipSpace(buf, cell), p)
          break rows
        }
      }
      p++
    }
    row++
    isAfterRow = true
    rowEnd = p
    if (row >= rowLimit || p >= byteLimit) break
  }
  window.pos = rowEnd
  cursor.row = row
  cursor.isAfterRow = isAfterRow
  return outcome
}

/** Reads a cell that is neither null nor preceded by white space, which count as not fitting. */
function readCell(buf: Buffer, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  // The numbers of KIND as literals, which alone make a jump table.
  switch (column.kind) {
    case 0: // bool
      return readBool(buf, view, p, column, row)
    case 1: // int
      return readInt(buf, view, p, column, row)
    case 2: // long
      return readLong(buf, view, p, column, row)
    case 3: // real
      return readReal(buf, view, p, column, row)
    case 4: // decimal
      return readDecimal(buf, p, column, row)
    case 5: // decimalText
      return readDecimalText(buf, p, column, row)
    case 6: // string
      return readString(buf, view, p, column, row)
    case 7: // datetime
      return readDatetime(buf, view, p, column, row)
    case 8: // timespan
      return readTimespan(buf, view, p, column, row)
    case 9: // guidText
      return readGuidText(buf, view, p, column, row)
    case 10: // uuid
      return readUuid(buf, p, column, row)
    case 12: // dictionary
      return readDictionary(buf, view, p, column, row)
    default: // dynamic
      return buf[p] === 0x6e ? ~p : readDynamic(buf, view, p, column, row)
  }
}

function stop(cursor: RowCursor, column: number, cell: number, at: number): number {
  cursor.stopColumn = column
  cursor.stopCell = cell
  cursor.stopAt = at
  return ROWS.stopped
}

/** Reads `null`. A null string, which only system tables send, is the empty string. */
function readNull(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  if (buf[p + 1] !== 0x75 || buf[p + 2] !== 0x6c || buf[p + 3] !== 0x6c) return ~p
  if (column.nullable) {
    column.valid[row >> 3] = column.valid[row >> 3]! & ~(1 << (row & 7))
    column.mayHaveNulls = true
  }
  if (column.isText) column.offsets[row + 1] = column.used
  else if (column.kind === KIND.dictionary) column.i32[row] = internEmpty(column)
  else if (column.width === 0) column.bytes[row >> 3] = column.bytes[row >> 3]! & ~(1 << (row & 7))
  else column.i32.fill(0, (row * column.width) >> 2, ((row + 1) * column.width) >> 2)
  return p + 4
}
