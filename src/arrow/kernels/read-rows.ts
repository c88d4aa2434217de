import type { ByteWindow } from './byte-window.ts'
import type { ColumnBuilder } from './column-builder.ts'
import { readBool } from './read-bool.ts'
import { readDatetime } from './read-datetime.ts'
import { readDecimal } from './read-decimal.ts'
import { readDecimalText } from './read-decimal-text.ts'
import { readDynamic } from './read-dynamic.ts'
import { readGuidText, readUuid } from './read-guid.ts'
import { readInt } from './read-int.ts'
import { readLong } from './read-long.ts'
import { readReal } from './read-real.ts'
import { readString } from './read-string.ts'
import { readTimespan } from './read-timespan.ts'

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
  const width = columns.length
  let row = cursor.row
  let isAfterRow = cursor.isAfterRow
  let p = window.pos
  for (;;) {
    let c = buf[p]!
    while (c <= 0x20 && isSpace(c)) c = buf[++p]!
    if (isAfterRow && c === 0x2c) {
      c = buf[++p]!
      while (c <= 0x20 && isSpace(c)) c = buf[++p]!
    } else if (c === 0x5d) {
      window.pos = p + 1
      cursor.isAfterRow = false
      return ROWS.end
    } else if (isAfterRow) return stop(cursor, -1, -1, p)
    if (c !== 0x5b) {
      stop(cursor, -1, -1, p)
      return c === 0x7b ? ROWS.object : ROWS.stopped
    }
    p++
    if (width === 0) {
      while (isSpace(buf[p]!)) p++
      if (buf[p++] !== 0x5d) return stop(cursor, -1, -1, p - 1)
    }
    for (let index = 0; index < width; index++) {
      c = buf[p]!
      while (c <= 0x20 && isSpace(c)) c = buf[++p]!
      const cell = p
      const column = columns[index]!
      if (c === 0x6e) p = readNull(buf, p, column, row)
      else {
        // The numbers of KIND as literals, which alone make a jump table.
        switch (column.kind) {
          case 0: // bool
            p = readBool(buf, p, column, row)
            break
          case 1: // int
            p = readInt(buf, p, column, row)
            break
          case 2: // long
            p = readLong(buf, p, column, row)
            break
          case 3: // real
            p = readReal(buf, p, column, row)
            break
          case 4: // decimal
            p = readDecimal(buf, p, column, row)
            break
          case 5: // decimalText
            p = readDecimalText(buf, p, column, row)
            break
          case 6: // string
            p = readString(buf, view, p, column, row)
            break
          case 7: // datetime
            p = readDatetime(buf, p, column, row)
            break
          case 8: // timespan
            p = readTimespan(buf, p, column, row)
            break
          case 9: // guidText
            p = readGuidText(buf, view, p, column, row)
            break
          case 10: // uuid
            p = readUuid(buf, p, column, row)
            break
          default: // dynamic
            p = readDynamic(buf, view, p, column, row)
        }
      }
      if (p < 0) return stop(cursor, index, cell, ~p)
      c = buf[p]!
      while (c <= 0x20 && isSpace(c)) c = buf[++p]!
      if (c !== (index === width - 1 ? 0x5d : 0x2c)) return stop(cursor, index, cell, p)
      p++
    }
    row++
    isAfterRow = true
    cursor.row = row
    cursor.isAfterRow = true
    window.pos = p
    if (row >= rowLimit || p >= byteLimit) return ROWS.full
  }
}

function stop(cursor: RowCursor, column: number, cell: number, at: number): number {
  cursor.stopColumn = column
  cursor.stopCell = cell
  cursor.stopAt = at
  return ROWS.stopped
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
}

/** Reads `null`. A null string, which only system tables send, is the empty string. */
function readNull(buf: Uint8Array, p: number, column: ColumnBuilder, row: number): number {
  if (buf[p + 1] !== 0x75 || buf[p + 2] !== 0x6c || buf[p + 3] !== 0x6c) return ~p
  if (column.nullable) {
    column.valid[row >> 3] = column.valid[row >> 3]! & ~(1 << (row & 7))
    column.mayHaveNulls = true
  }
  if (column.isText) column.offsets[row + 1] = column.used
  else if (column.width === 0) column.bytes[row >> 3] = column.bytes[row >> 3]! & ~(1 << (row & 7))
  else column.i32.fill(0, (row * column.width) >> 2, ((row + 1) * column.width) >> 2)
  return p + 4
}
