/*
 * HOT: the row loop of the CSV encoder, once per batch. One record per row, `\n` after each. A null is an empty field;
 * where that would make a one-column record a blank line, it is `""`, which every type but string reads as null and
 * string as the empty string it cannot tell from null anyway. Bench: bench/csv.bench.ts.
 */
import { type Data, Precision, type Float, type Int, type Timestamp, Type } from 'apache-arrow'
import type { ScalarName } from '../scalar-types.ts'
import { type ByteSink, CELL_LIMIT_BYTES, reserve } from './write-bytes.ts'
import { type CellWriter, halves, SCALES } from './write-cells.ts'
import { writeInt64, writeInteger } from './write-integer.ts'
import { writeReal } from './write-real.ts'
import { writeCsvText } from './write-text.ts'
import { MICROSECONDS, type TimeScale, writeTimestamp } from './write-time.ts'

/** A column of the batch being written. */
export interface CsvColumn {
  readonly data: Data
  readonly target: ScalarName
  readonly write: CellWriter
}

/* Layouts that most columns have are written in the loop itself: a call through `write` costs as much as the cell. */
const OTHER = 0
const TEXT = 1
const LONG = 2
const INT = 3
const REAL = 4
const TIME = 5

const NO_INTS = new Int32Array(0)
const NO_BYTES = new Uint8Array(0)
const NO_REALS = new Float64Array(0)

function layoutOf({ data, target }: CsvColumn): number {
  const { type } = data
  if (type.typeId === Type.Utf8) return TEXT
  if (type.typeId === Type.Timestamp && target !== 'dynamic') return TIME
  const isPlain = target === 'long' || target === 'string' || target === 'decimal'
  if (type.typeId === Type.Int && (type as Int).isSigned) {
    const { bitWidth } = type as Int
    if (bitWidth === 64 && isPlain) return LONG
    if (bitWidth === 32 && (isPlain || target === 'int')) return INT
  }
  const isDouble = type.typeId === Type.Float && (type as Float).precision === Precision.DOUBLE
  return isDouble && (target === 'real' || target === 'string') ? REAL : OTHER
}

function intsOf(data: Data, layout: number): Int32Array {
  if (layout === TEXT) return data.valueOffsets as Int32Array
  if (layout === LONG || layout === TIME) return halves(data.values as BigInt64Array)
  return layout === INT ? (data.values as Int32Array) : NO_INTS
}

/** Where the loop is: what an error report needs, and where a full block ended. */
export interface CsvPosition {
  row: number
  column: number
}

/** What one call of {@link writeRecords} must do. */
export interface CsvRange {
  /** First row to write. */
  readonly startRow: number
  /** Row to stop before. */
  readonly endRow: number
  /** Stop before the record that would take the output over this many bytes. */
  readonly maxBytes: number
  /** Bytes that the bounded cells of one record need at most, separators included. */
  readonly slack: number
}

/**
 * Writes records until a bound is met and leaves `at.row` at the first row not written. `out` grows. When not even one
 * record fits into `maxBytes`, none is written.
 */
export function writeRecords(out: ByteSink, columns: readonly CsvColumn[], range: CsvRange, at: CsvPosition): void {
  const { endRow, maxBytes, slack } = range
  const count = columns.length
  const bitmaps = columns.map(({ data }) =>
    data.nullCount > 0 && data.nullBitmap?.length ? data.nullBitmap : undefined,
  )
  const offsets = columns.map(({ data }) => data.offset)
  const writers = columns.map(({ write }) => write)
  const layouts = Uint8Array.from(columns, layoutOf)
  const ints = columns.map(({ data }, column) => intsOf(data, layouts[column]!))
  const texts = columns.map(({ data }, column) => (layouts[column] === TEXT ? (data.values as Uint8Array) : NO_BYTES))
  const reals = columns.map(({ data }, column) => (layouts[column] === REAL ? (data.values as Float64Array) : NO_REALS))
  const scales: TimeScale[] = columns.map(({ data }, column) =>
    layouts[column] === TIME ? SCALES[(data.type as Timestamp).unit] : MICROSECONDS,
  )
  for (let row = range.startRow; row < endRow; row++) {
    const start = out.pos
    const { cutTimes, oversizeCells } = out
    at.row = row
    reserve(out, slack)
    for (let column = 0; column < count; column++) {
      at.column = column
      if (column > 0) out.bytes[out.pos++] = 44
      const bitmap = bitmaps[column]
      const bit = offsets[column]! + row
      if (bitmap !== undefined && ((bitmap[bit >> 3]! >> (bit & 7)) & 1) === 0) continue
      const layout = layouts[column]!
      if (layout === OTHER) {
        writers[column]!(out, row)
        continue
      }
      if (layout === REAL) {
        writeReal(out, reals[column]![row]!)
        continue
      }
      const values = ints[column]!
      if (layout === TEXT) {
        const from = values[row]!
        const to = values[row + 1]!
        if (to - from > CELL_LIMIT_BYTES) out.oversizeCells++
        writeCsvText(out, texts[column]!, from, to, slack)
      } else if (layout === LONG) writeInt64(out, values[2 * row + 1]!, values[2 * row]!)
      else if (layout === INT) writeInteger(out, values[row]!)
      else writeTimestamp(out, values[2 * row + 1]!, values[2 * row]!, scales[column]!)
    }
    if (out.pos === start) {
      out.bytes[out.pos++] = 34
      out.bytes[out.pos++] = 34
    }
    out.bytes[out.pos++] = 10
    if (out.pos > maxBytes) {
      out.pos = start
      out.cutTimes = cutTimes
      out.oversizeCells = oversizeCells
      return
    }
  }
  at.row = endRow
}
