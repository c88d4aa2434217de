import { type ColumnBuilder, UNWRAP } from './column-builder.ts'
import { readString } from './read-string.ts'
import { skipJson, skipSpace } from './skip-json.ts'

/**
 * Reads a dynamic value at `p` as the JSON text of row `row`.
 * HOT: once per cell. bench/decode.bench.ts.
 *
 * An object, array, number or bool is copied as the service sent it, white space included. A JSON string is ambiguous
 * on the wire: it is a string value, or a whole JSON text wrapped in a string. Its content is taken as JSON text when
 * it is valid JSON and `column.unwrap` allows it (`containers`: only if it begins with `{` or `[`); in all other cases
 * the string itself is copied as sent, quotes and escapes included, so that the result is always valid JSON. The empty
 * string is null.
 *
 * Returns the position after the value, or `~position` of the byte that breaks it. Preconditions as readString.
 */
export function readDynamic(buf: Uint8Array, view: DataView, p: number, column: ColumnBuilder, row: number): number {
  const start = column.used
  if (buf[p] === 0x22) {
    if (buf[p + 1] === 0x22) {
      column.valid[row >> 3] = column.valid[row >> 3]! & ~(1 << (row & 7))
      column.mayHaveNulls = true
      column.offsets[row + 1] = start
      return p + 2
    }
    const after = readString(buf, view, p, column, row)
    if (after < 0 || isJsonText(column, start)) return after
    column.used = start
    return copyText(view, p, after, column, row)
  }
  const after = skipJson(buf, view, p)
  return after < 0 ? after : copyText(view, p, after, column, row)
}

function isJsonText(column: ColumnBuilder, start: number): boolean {
  if (column.unwrap === UNWRAP.nothing) return false
  const { bytes, view, used } = column
  view.setInt32(used, 0, true)
  const first = skipSpace(bytes, start)
  const isContainer = bytes[first] === 0x7b || bytes[first] === 0x5b
  if (!isContainer && column.unwrap === UNWRAP.containers) return false
  const after = skipJson(bytes, view, first)
  return after >= 0 && skipSpace(bytes, after) === used
}

/** Copies eight bytes at a time; up to seven bytes of what follows are written too and not counted. */
function copyText(view: DataView, from: number, to: number, column: ColumnBuilder, row: number): number {
  const out = column.view
  let o = column.used
  for (let p = from; p < to; p += 8, o += 8) {
    const low = view.getInt32(p, true)
    const high = view.getInt32(p + 4, true)
    out.setInt32(o, low, true)
    out.setInt32(o + 4, high, true)
  }
  const used = column.used + to - from
  column.used = used
  column.offsets[row + 1] = used
  return to
}
