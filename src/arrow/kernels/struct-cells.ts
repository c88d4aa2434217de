/*
 * HOT: a few loops per struct column and block of rows. JSON objects with the names of fields as keys: what stands between
 * the values is written here, the values by the kernels of the fields, each over all rows at once. Bench:
 * bench/csv.bench.ts (nested).
 */
import { type CellBlock, cellBlock, type CellKernel, growBlock, LONGEST_CELL, roomFor } from './cell-kernel.ts'
import type { Fence } from './nested-cells.ts'
import type { ByteSink } from './write-bytes.ts'

const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const QUOTE = 34

/** A member of an object: `{"name":` or `,"name":`, and its values. */
export interface MemberCells {
  readonly prefix: Uint8Array
  readonly kernel: CellKernel
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

function addLengths(lengths: Int32Array, { count, lengths: more }: CellBlock): void {
  for (let index = 0; index < count; index++) lengths[index] = Math.min(LONGEST_CELL, lengths[index]! + more[index]!)
}
