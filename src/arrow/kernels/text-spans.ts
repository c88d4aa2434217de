/*
 * HOT: one loop per text or binary column and block of rows. Finds where the bytes of each cell lie, for every Arrow
 * layout of them, so that the kernels that write text know one layout only. The bytes belong to the batch and are only
 * read. Bench: bench/csv.bench.ts.
 */
import { type Data, type FixedSizeBinary, Type } from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import { type CellBlock, cellBlock, type CellKernel, growBlock, roomFor } from './cell-kernel.ts'
import { type ByteSink, byteSink, reserve, viewOf } from './write-bytes.ts'
import type { FixedCells } from './write-cells.ts'

/** Bytes of the cells of a block: cell i is `src[offsets[rows[i]], offsets[rows[i] + 1])`. */
export interface TextSpans {
  src: Uint8Array
  /** Over the same bytes. */
  view: DataView
  offsets: Int32Array
  rows: Int32Array
  /** Whether the cells follow one another in the buffer, so that they can be looked at as one text. */
  joined: boolean
}

/** Sets `spans` to the cells of a block. */
export interface SpanSource {
  (spans: TextSpans, block: CellBlock): void
  /** Adds what was cut in the block set last. */
  settle?: (counts: ByteSink) => void
}

/** Spans of nothing. */
export function textSpans(): TextSpans {
  const src = new Uint8Array(0)
  return { src, view: viewOf(src), offsets: new Int32Array(0), rows: new Int32Array(0), joined: false }
}

/** The source of a column's bytes; undefined when the type is not made of bytes. */
export function spansOf(data: Data): SpanSource | undefined {
  const { typeId } = data.type
  const given = (data.values as Uint8Array | undefined) ?? new Uint8Array(0)
  // One class of array, so that loops over it are compiled once: a Buffer would be another.
  const values = new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
  if (typeId === Type.Utf8 || typeId === Type.Binary) return offsetSpans(values, data.valueOffsets as Int32Array)
  if (typeId === Type.LargeUtf8 || typeId === Type.LargeBinary) {
    return largeSpans(values, data.valueOffsets)
  }
  if (typeId === Type.FixedSizeBinary) return fixedSpans(values, (data.type as FixedSizeBinary).byteWidth)
  return typeId === Type.Utf8View || typeId === Type.BinaryView ? viewSpans(data, values) : undefined
}

function useBytes(spans: TextSpans, src: Uint8Array): void {
  if (spans.src === src) return
  spans.src = src
  spans.view = viewOf(src)
}

function offsetSpans(values: Uint8Array, offsets: Int32Array): SpanSource {
  return (spans, { count, rows }) => {
    useBytes(spans, values)
    spans.offsets = offsets
    spans.rows = rows
    spans.joined = areJoined(offsets, rows, count)
  }
}

/* Rows that are left out between others are nulls, which mostly have no bytes. */
function areJoined(offsets: Int32Array, rows: Int32Array, count: number): boolean {
  if (count === 0) return false
  if (isRun(rows, count)) return true
  let bytes = 0
  let last = -1
  for (let index = 0; index < count; index++) {
    const row = rows[index]!
    if (row <= last) return false
    last = row
    bytes += offsets[row + 1]! - offsets[row]!
  }
  return offsets[last + 1]! - offsets[rows[0]!]! <= 2 * bytes
}

function isRun(rows: Int32Array, count: number): boolean {
  for (let index = 1; index < count; index++) if (rows[index]! - rows[index - 1]! !== 1) return false
  return count > 0
}

/** Sets the bounds of the cells as pairs, for bytes that no offsets of the column lead to. */
function setPairs(spans: TextSpans, pairs: Int32Array, count: number): void {
  spans.offsets = pairs
  if (spans.rows.length < count || spans.rows[0] !== 0) {
    spans.rows = Int32Array.from({ length: Math.max(count, 1) }, (_, index) => 2 * index)
  }
}

/* Spans count in 32 bits: they are relative to the block's lowest offset where the column has more bytes. */
function largeSpans(values: Uint8Array, offsets: BigInt64Array): SpanSource {
  const halves = new Int32Array(offsets.buffer, offsets.byteOffset, offsets.length * 2)
  const offset = (row: number): number => halves[2 * row + 1]! * 4_294_967_296 + (halves[2 * row]! >>> 0)
  let pairs = new Int32Array(0)
  return (spans, { count, rows }) => {
    let base = 0
    if (values.length > 0x7fff_ffff && count > 0) {
      base = Infinity
      let end = 0
      for (let index = 0; index < count; index++) {
        base = Math.min(base, offset(rows[index]!))
        end = Math.max(end, offset(rows[index]! + 1))
      }
      if (end - base > 0x7fff_ffff) throw tooLarge()
      useBytes(spans, values.subarray(base, end))
    } else useBytes(spans, values)
    pairs = roomFor(pairs, 2 * count)
    for (let index = 0; index < count; index++) {
      const row = rows[index]!
      pairs[2 * index] = offset(row) - base
      pairs[2 * index + 1] = offset(row + 1) - base
    }
    setPairs(spans, pairs, count)
    spans.joined = isRun(rows, count)
  }
}

function fixedSpans(values: Uint8Array, width: number): SpanSource {
  if (values.length > 0x7fff_ffff) throw tooLarge()
  let pairs = new Int32Array(0)
  return (spans, { count, rows }) => {
    useBytes(spans, values)
    pairs = roomFor(pairs, 2 * count)
    for (let index = 0; index < count; index++) {
      pairs[2 * index] = rows[index]! * width
      pairs[2 * index + 1] = rows[index]! * width + width
    }
    setPairs(spans, pairs, count)
  }
}

/*
 * A view is 16 bytes: 0 length int32; up to 12 bytes inline at 4, or else 4 prefix, 8 buffer int32, 12 offset int32.
 * Values lie in several buffers and are brought together.
 */
function viewSpans(data: Data, values: Uint8Array): SpanSource {
  const ints = viewOf(values)
  const buffers = data.variadicBuffers
  const joined = byteSink(0)
  let pairs = new Int32Array(0)
  return (spans, { count, rows }) => {
    joined.pos = 0
    pairs = roomFor(pairs, 2 * count)
    for (let index = 0; index < count; index++) {
      const at = rows[index]! * 16
      const length = ints.getInt32(at, true)
      reserve(joined, length)
      pairs[2 * index] = joined.pos
      if (length <= 12)
        for (let byte = 0; byte < length; byte++) joined.bytes[joined.pos + byte] = values[at + 4 + byte]!
      else {
        const start = ints.getInt32(at + 12, true)
        joined.bytes.set(buffers[ints.getInt32(at + 8, true)]!.subarray(start, start + length), joined.pos)
      }
      joined.pos += length
      pairs[2 * index + 1] = joined.pos
    }
    useBytes(spans, joined.bytes)
    setPairs(spans, pairs, count)
    spans.joined = count > 0
  }
}

/** The text that a kernel writes, as spans: for text that has to be looked at or changed before it goes out. */
export function renderedSpans(kernel: CellKernel): SpanSource {
  const page = byteSink(0)
  const inner = cellBlock()
  let pairs = new Int32Array(0)
  const source: SpanSource = (spans, { count, rows }) => {
    growBlock(inner, count)
    inner.count = count
    inner.rows = rows
    kernel.measure(inner)
    pairs = roomFor(pairs, 2 * count)
    let pos = 0
    for (let index = 0; index < count; index++) {
      pairs[2 * index] = inner.at[index] = pos
      pos += inner.lengths[index]!
      if (pos > 0x7fff_ffff) throw tooLarge()
      pairs[2 * index + 1] = pos
    }
    page.pos = 0
    page.cutTimes = 0
    reserve(page, pos)
    kernel.write(page, inner)
    useBytes(spans, page.bytes)
    setPairs(spans, pairs, count)
    spans.joined = count > 0
  }
  source.settle = (counts) => {
    counts.cutTimes += page.cutTimes
  }
  return source
}

/** The text of cells of bounded length that are written one by one: of the rarer types. */
export function sinkSpans({ room, write }: FixedCells): SpanSource {
  const page = byteSink(0)
  let pairs = new Int32Array(0)
  const source: SpanSource = (spans, { count, rows }) => {
    page.pos = 0
    page.cutTimes = 0
    pairs = roomFor(pairs, 2 * count)
    for (let index = 0; index < count; index++) {
      pairs[2 * index] = page.pos
      reserve(page, room)
      write(page, rows[index]!)
      pairs[2 * index + 1] = page.pos
    }
    useBytes(spans, page.bytes)
    setPairs(spans, pairs, count)
    spans.joined = count > 0
  }
  source.settle = (counts) => {
    counts.cutTimes += page.cutTimes
  }
  return source
}

function tooLarge(): KustoDataError {
  return new KustoDataError('KUSTO_BATCH_TOO_LARGE', 'expected at most 2 GiB of text in a block of rows')
}
