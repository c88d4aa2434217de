/*
 * HOT: a few loops per list or struct column and block of rows. JSON arrays and objects: what stands between the values is
 * written here, the values by the kernels of the children, each over all of its rows at once. Bench: bench/csv.bench.ts
 * (nested).
 */
import { type Data, type FixedSizeList, Type } from 'apache-arrow'
import { type CellBlock, cellBlock, type CellKernel, growBlock, LONGEST_CELL } from './cell-kernel.ts'
import { CELL_LIMIT_BYTES } from './write-bytes.ts'

const COMMA = 44
const OPEN_LIST = 91
const CLOSE_LIST = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const COLON = 58

/** A member of an object: `{"name":` or `,"name":`, and its values. */
export interface MemberCells {
  readonly prefix: Uint8Array
  readonly kernel: CellKernel
}

/** Cells of lists of any layout as JSON arrays. */
export function listCells(data: Data, item: CellKernel): CellKernel {
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
        let length = size === 0 ? 2 : size + 1
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
        bytes[pos++] = OPEN_LIST
        const size = bounds[rows[index]! + 1]! - bounds[rows[index]!]!
        for (const end = next + size; next < end; next++) {
          places[next] = pos
          pos += measured[next]!
          bytes[pos++] = COMMA
        }
        bytes[size === 0 ? pos : pos - 1] = CLOSE_LIST
      }
      items.count = next
      item.write(out, items)
    },
  }
}

/** Cells of structs as JSON objects. */
export function structCells(members: readonly MemberCells[]): CellKernel {
  const blocks = members.map(() => cellBlock())
  const prefixes = members.map(({ prefix }) => wordsOf(prefix))
  const syntax = members.reduce((sum, { prefix }) => sum + prefix.length, members.length === 0 ? 2 : 1)
  let ends = new Int32Array(0)
  return {
    measure: ({ count, rows, lengths }) => {
      if (ends.length < count) ends = new Int32Array(count)
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
      const { bytes, view } = out
      const cursors = ends
      for (let row = 0; row < count; row++) cursors[row] = at[row]!
      for (const [index, { kernel }] of members.entries()) {
        const block = blocks[index]!
        const { words, starts, length } = prefixes[index]!
        const { lengths, at: places } = block
        block.count = count
        for (let row = 0; row < count; row++) {
          let pos = cursors[row]!
          for (let word = 0; word < words.length; word++) view.setInt32(pos + starts[word]!, words[word]!, true)
          pos += length
          places[row] = pos
          cursors[row] = pos + lengths[row]!
        }
        kernel.write(out, block)
      }
      for (let row = 0; row < count; row++) {
        let pos = cursors[row]!
        if (members.length === 0) bytes[pos++] = OPEN_OBJECT
        bytes[pos] = CLOSE_OBJECT
      }
    },
  }
}

/* Text of at least four bytes as 32-bit words and where they go: the last one overlaps the one before it. */
function wordsOf(text: Uint8Array): {
  readonly words: Int32Array
  readonly starts: Int32Array
  readonly length: number
} {
  const { length } = text
  const count = Math.ceil(length / 4)
  const starts = Int32Array.from({ length: count }, (_, word) => Math.min(word * 4, length - 4))
  const view = new DataView(text.buffer, text.byteOffset, length)
  return { words: starts.map((start) => view.getInt32(start, true)), starts, length }
}

/** Cells of maps as JSON objects; `key` writes JSON strings. */
export function mapCells(data: Data, key: CellKernel, value: CellKernel): CellKernel {
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
        let length = size === 0 ? 2 : 2 * size + 1
        for (const end = next + size; next < end; next++) length += keys.lengths[next]! + values.lengths[next]!
        lengths[index] = Math.min(LONGEST_CELL, length)
      }
    },
    write: (out, { count, rows, at }) => {
      const { bytes } = out
      let next = 0
      for (let index = 0; index < count; index++) {
        let pos = at[index]!
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
        bytes[size === 0 ? pos : pos - 1] = CLOSE_OBJECT
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
          bytes[start + quote] = 34
          bytes[end - 1 - quote] = 34
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
  for (let index = 0; index < count; index++) total += bounds[rows[index]! + 1]! - bounds[rows[index]!]!
  growBlock(items, total)
  items.count = total
  const found = items.rows
  let next = 0
  for (let index = 0; index < count; index++) {
    const end = bounds[rows[index]! + 1]!
    for (let child = bounds[rows[index]!]!; child < end; child++) found[next++] = child
  }
}
