/*
 * HOT: a few loops per list or map column and block of rows. JSON arrays, and objects with keys of the data: what stands
 * between the values is written here, the values by the kernels of the children, each over all of its rows at once. Bench:
 * bench/csv.bench.ts (nested).
 */
import { type Data, type FixedSizeList, Type } from 'apache-arrow'
import { type CellBlock, cellBlock, type CellKernel, growBlock, LONGEST_CELL } from './cell-kernel.ts'

const COMMA = 44
const OPEN_LIST = 91
const CLOSE_LIST = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const COLON = 58
const QUOTE = 34

/** Quotation marks around the whole of a value: one where it is a CSV field by itself. */
export type Fence = 0 | 1

/** Cells of lists of any layout as JSON arrays. */
export function listCells(data: Data, item: CellKernel, fence: Fence): CellKernel {
  const bounds = listBounds(data)
  const items = cellBlock()
  return {
    measure: ({ count, rows, lengths }) => {
      listRows(items, bounds, rows, count)
      item.measure(items)
      const measured = items.lengths
      let next = 0
      for (let index = 0; index < count; index++) {
        const size = bounds[rows[index]! + 1]! - bounds[rows[index]!]!
        let length = (size === 0 ? 2 : size + 1) + 2 * fence
        for (const end = next + size; next < end; next++) length += measured[next]!
        lengths[index] = Math.min(LONGEST_CELL, length)
      }
    },
    write: (out, { count, rows, at }) => {
      const { bytes } = out
      const { lengths: measured, at: places } = items
      let next = 0
      for (let index = 0; index < count; index++) {
        let pos = at[index]!
        if (fence === 1) bytes[pos++] = QUOTE
        bytes[pos++] = OPEN_LIST
        const size = bounds[rows[index]! + 1]! - bounds[rows[index]!]!
        for (const end = next + size; next < end; next++) {
          places[next] = pos
          pos += measured[next]!
          bytes[pos++] = COMMA
        }
        if (size > 0) pos--
        bytes[pos] = CLOSE_LIST
        if (fence === 1) bytes[pos + 1] = QUOTE
      }
      items.count = next
      item.write(out, items)
    },
  }
}

/** Cells of maps as JSON objects; `key` writes JSON strings. */
export function mapCells(
  data: Data,
  members: { readonly key: CellKernel; readonly value: CellKernel },
  fence: Fence,
): CellKernel {
  const { key, value } = members
  const bounds = data.valueOffsets as Int32Array
  const keys = cellBlock()
  const values = cellBlock()
  return {
    measure: ({ count, rows, lengths }) => {
      listRows(keys, bounds, rows, count)
      listRows(values, bounds, rows, count)
      key.measure(keys)
      value.measure(values)
      let next = 0
      for (let index = 0; index < count; index++) {
        const size = bounds[rows[index]! + 1]! - bounds[rows[index]!]!
        let length = (size === 0 ? 2 : 2 * size + 1) + 2 * fence
        for (const end = next + size; next < end; next++) length += keys.lengths[next]! + values.lengths[next]!
        lengths[index] = Math.min(LONGEST_CELL, length)
      }
    },
    write: (out, { count, rows, at }) => {
      const { bytes } = out
      let next = 0
      for (let index = 0; index < count; index++) {
        let pos = at[index]!
        if (fence === 1) bytes[pos++] = QUOTE
        bytes[pos++] = OPEN_OBJECT
        const size = bounds[rows[index]! + 1]! - bounds[rows[index]!]!
        for (const end = next + size; next < end; next++) {
          keys.at[next] = pos
          pos += keys.lengths[next]!
          bytes[pos++] = COLON
          values.at[next] = pos
          pos += values.lengths[next]!
          bytes[pos++] = COMMA
        }
        if (size > 0) pos--
        bytes[pos] = CLOSE_OBJECT
        if (fence === 1) bytes[pos + 1] = QUOTE
      }
      keys.count = next
      values.count = next
      key.write(out, keys)
      value.write(out, values)
    },
  }
}

/** Row i has the items [bounds[i], bounds[i + 1]). */
function listBounds(data: Data): Int32Array {
  if (data.type.typeId === Type.FixedSizeList) {
    const { listSize } = data.type as FixedSizeList
    return Int32Array.from({ length: data.length + 1 }, (_, row) => row * listSize)
  }
  if (data.type.typeId === Type.LargeList) return Int32Array.from(data.valueOffsets as Iterable<unknown>, Number)
  return data.valueOffsets as Int32Array
}

function listRows(items: CellBlock, bounds: Int32Array, rows: Int32Array, count: number): void {
  let total = 0
  let isRun = true
  let next = count === 0 ? 0 : rows[0]!
  for (let index = 0; index < count; index++) {
    const row = rows[index]!
    total += bounds[row + 1]! - bounds[row]!
    isRun = isRun && row === next
    next = row + 1
  }
  growBlock(items, total)
  items.count = total
  const found = items.rows
  if (isRun && count > 0) {
    const start = bounds[rows[0]!]!
    for (let item = 0; item < total; item++) found[item] = start + item
    return
  }
  let place = 0
  for (let index = 0; index < count; index++) {
    const end = bounds[rows[index]! + 1]!
    for (let child = bounds[rows[index]!]!; child < end; child++) found[place++] = child
  }
}
