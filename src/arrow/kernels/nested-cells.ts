/*
 * HOT: a few loops per list or struct column and block of rows. JSON arrays and objects: what stands between the values is
 * written here, the values by the kernels of the children, each over all of its rows at once. Bench: bench/csv.bench.ts
 * (nested).
 */
import { type Data, type FixedSizeList, Type } from 'apache-arrow'
import { type CellBlock, cellBlock, type CellKernel, growBlock, LONGEST_CELL, roomFor } from './cell-kernel.ts'
import { type ByteSink, CELL_LIMIT_BYTES } from './write-bytes.ts'

const COMMA = 44
const OPEN_LIST = 91
const CLOSE_LIST = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const COLON = 58
const QUOTE = 34

/** Quotation marks around the whole of a value: one where it is a CSV field by itself. */
export type Fence = 0 | 1

/** A member of an object: `{"name":` or `,"name":`, and its values. */
export interface MemberCells {
  readonly prefix: Uint8Array
  readonly kernel: CellKernel
}

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

/** Cells of structs as JSON objects. */
export function structCells(members: readonly MemberCells[], fence: Fence): CellKernel {
  if (members.length === 0) return emptyObjects(fence)
  const blocks = members.map(() => cellBlock())
  const prefixes = members.map(({ prefix }, index) => wordsOf(index === 0 && fence === 1 ? fenced(prefix) : prefix))
  const syntax = prefixes.reduce((sum, { length }) => sum + length, 1 + fence)
  let cursors = new Int32Array(0)
  return {
    measure: ({ count, rows, lengths }) => {
      cursors = roomFor(cursors, count)
      lengths.fill(syntax, 0, count)
      for (const [index, { kernel }] of members.entries()) {
        const block = blocks[index]!
        growBlock(block, count)
        block.count = count
        block.rows = rows
        kernel.measure(block)
        addLengths(lengths, block)
      }
    },
    write: (out, { count, at }) => {
      const { bytes } = out
      for (const [index, { kernel }] of members.entries()) {
        const block = blocks[index]!
        block.count = count
        writePrefixes(out, prefixes[index]!, index === 0 ? at : cursors, block, cursors)
        kernel.write(out, block)
      }
      for (let row = 0; row < count; row++) {
        const pos = cursors[row]!
        bytes[pos] = CLOSE_OBJECT
        if (fence === 1) bytes[pos + 1] = QUOTE
      }
    },
  }
}

function emptyObjects(fence: Fence): CellKernel {
  const text =
    fence === 1 ? Uint8Array.of(QUOTE, OPEN_OBJECT, CLOSE_OBJECT, QUOTE) : Uint8Array.of(OPEN_OBJECT, CLOSE_OBJECT)
  return {
    measure: ({ count, lengths }) => void lengths.fill(text.length, 0, count),
    write: ({ bytes }, { count, at }) => {
      for (let row = 0; row < count; row++) bytes.set(text, at[row])
    },
  }
}

/* Text of at least four bytes as 32-bit words: the last one may overlap the one before it. */
interface PrefixWords {
  readonly first: number
  readonly last: number
  readonly middle: Int32Array
  readonly length: number
}

function wordsOf(text: Uint8Array): PrefixWords {
  const { length } = text
  const view = new DataView(text.buffer, text.byteOffset, length)
  const middle = Int32Array.from({ length: Math.max(0, Math.ceil(length / 4) - 2) }, (_, word) =>
    view.getInt32(4 * word + 4, true),
  )
  return { first: view.getInt32(0, true), last: view.getInt32(length - 4, true), middle, length }
}

function fenced(prefix: Uint8Array): Uint8Array {
  const text = new Uint8Array(prefix.length + 1)
  text[0] = QUOTE
  text.set(prefix, 1)
  return text
}

/** Writes a member's prefix at `from`, sets where its values go, and moves the cursors behind them. */
function writePrefixes(
  { view }: ByteSink,
  { first, last, middle, length }: PrefixWords,
  from: Int32Array,
  { count, lengths, at }: CellBlock,
  cursors: Int32Array,
): void {
  for (let row = 0; row < count; row++) {
    const start = from[row]!
    const end = start + length
    view.setInt32(start, first, true)
    for (let word = 0; word < middle.length; word++) view.setInt32(start + 4 * word + 4, middle[word]!, true)
    view.setInt32(end - 4, last, true)
    at[row] = end
    cursors[row] = end + lengths[row]!
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

/** Cells of another kernel between `quotes` quotation marks. */
export function quotedCells(kernel: CellKernel, quotes: number): CellKernel {
  const inner = cellBlock()
  return {
    measure: (block) => {
      const { count, lengths } = block
      kernel.measure(block)
      for (let index = 0; index < count; index++) lengths[index] = Math.min(LONGEST_CELL, lengths[index]! + 2 * quotes)
    },
    write: (out, { count, rows, lengths, at }) => {
      growBlock(inner, count)
      inner.count = count
      inner.rows = rows
      const { bytes } = out
      const { lengths: shorter, at: places } = inner
      for (let index = 0; index < count; index++) {
        const start = at[index]!
        const end = start + lengths[index]!
        for (let quote = 0; quote < quotes; quote++) {
          bytes[start + quote] = QUOTE
          bytes[end - 1 - quote] = QUOTE
        }
        places[index] = start + quotes
        shorter[index] = lengths[index]! - 2 * quotes
      }
      kernel.write(out, inner)
    },
  }
}

/** Counts the cells of a kernel that are over the limit; every quotation mark inside is written as `quotes`. */
export function limitedCells(kernel: CellKernel, quotes: 1 | 2): CellKernel {
  return {
    measure: kernel.measure,
    write: (out, block) => {
      kernel.write(out, block)
      const { count, lengths, at } = block
      for (let index = 0; index < count; index++) {
        if (lengths[index]! <= CELL_LIMIT_BYTES) continue
        const text = out.bytes.subarray(at[index], at[index]! + lengths[index]!)
        const bytes =
          quotes === 1 ? text.length : text.length - text.reduce((sum, byte) => sum + Number(byte === 34), 2) / 2
        if (bytes > CELL_LIMIT_BYTES) out.oversizeCells++
      }
    },
  }
}

function addLengths(lengths: Int32Array, { count, lengths: more }: CellBlock): void {
  for (let index = 0; index < count; index++) lengths[index] = Math.min(LONGEST_CELL, lengths[index]! + more[index]!)
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
