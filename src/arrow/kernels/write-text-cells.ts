/*
 * HOT: makes, once per column and batch, the closure that writes each cell's text for CSV and for Parquet's text columns.
 * Bench: bench/csv.bench.ts.
 */
import { type Data, type Dictionary, type Field, Type } from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import { arrowKind, typeName } from '../kusto-columns.ts'
import type { ScalarName } from '../scalar-types.ts'
import { writeBase64, writeUuid } from './write-binary.ts'
import { type ByteSink, byteSink, CELL_LIMIT_BYTES, reserve } from './write-bytes.ts'
import { type CellWriter, fixedCells } from './write-cells.ts'
import { dictionaryCells, jsonCells } from './write-json.ts'
import { spanCells } from './write-spans.ts'
import { writeCsvText } from './write-text.ts'

/** Appends `src[start, end)` in the way of the output format and reserves its room plus `slack`. */
export type TextWriter = (out: ByteSink, src: Uint8Array, start: number, end: number, slack: number) => void

/** What {@link textCells} needs to know besides the column. */
export interface TextCellsOptions {
  readonly target: ScalarName
  /** Bytes the rest of the record was promised. */
  readonly slack: number
  readonly text: TextWriter
}

/** A writer of unquoted text for one column, given the Kusto type it is for, and the room it needs beforehand. */
export function textCells(field: Field, data: Data, options: TextCellsOptions): CellWriter {
  const { target, slack, text } = options
  const type = data.type.typeId
  const kind = arrowKind(field)
  if (type === Type.Null) return () => {}
  if (type === Type.Dictionary) {
    const values = field.clone({ type: (data.type as Dictionary).dictionary })
    return dictionaryCells(data, (chunk) => textCells(values, chunk, options))
  }
  if (kind === 'text' || kind === 'json') {
    const cells = spanCells(data, (out, src, start, end) => {
      if (end - start > CELL_LIMIT_BYTES) out.oversizeCells++
      text(out, src, start, end, slack)
    })
    if (cells !== undefined) return cells
  }
  // What is sure to hold quotes or commas goes straight into a quoted field; the rest is looked at first.
  if (kind === 'nested' && text === writeCsvText && type !== Type.Union) {
    return quotedJson(jsonCells(field, data, 2), slack)
  }
  if (kind === 'nested' || target === 'dynamic') return jsonText(jsonCells(field, data, 1), text, slack)
  const uuid = kind === 'uuid' || target === 'guid'
  const spans = spanCells(data, (out, src, start, end) => {
    if (end - start > (CELL_LIMIT_BYTES / 4) * 3) out.oversizeCells++
    if (uuid) writeUuid(out, src, start)
    else if (start === end) text(out, src, start, end, slack)
    else writeBase64(out, src, start, end, slack)
  })
  const cells = spans ?? fixedCells(data, target)?.write
  if (cells !== undefined) return cells
  throw new KustoDataError(
    'KUSTO_UNSUPPORTED_TYPE',
    `expected an Arrow type with a text form, found ${typeName(data.type)}`,
  )
}

/** The bytes that must be reserved before a cell of the column is written; longer text reserves its own. */
export function roomOf(data: Data): number {
  if (data.type.typeId === Type.Dictionary) {
    return Math.max(0, ...(data.dictionary?.data ?? []).map((chunk) => roomOf(chunk)))
  }
  return fixedCells(data, 'string')?.room ?? 36
}

/** JSON text as a CSV field. One scratch buffer per column: a record is written before the next one starts. */
function jsonText(write: CellWriter, text: TextWriter, slack: number): CellWriter {
  const scratch: ByteSink = byteSink(256)
  return (out, row) => {
    scratch.pos = 0
    scratch.cutTimes = 0
    write(scratch, row)
    if (scratch.pos > CELL_LIMIT_BYTES) out.oversizeCells++
    out.cutTimes += scratch.cutTimes
    text(out, scratch.bytes, 0, scratch.pos, slack)
  }
}

function quotedJson(write: CellWriter, slack: number): CellWriter {
  return (out, row) => {
    const start = out.pos
    out.bytes[out.pos++] = 34
    write(out, row)
    if (out.pos - start > CELL_LIMIT_BYTES && jsonBytes(out, start + 1) > CELL_LIMIT_BYTES) out.oversizeCells++
    reserve(out, slack + 1)
    out.bytes[out.pos++] = 34
  }
}

/** Bytes written since `start`, doubled quotes counted once. */
function jsonBytes(out: ByteSink, start: number): number {
  let quotes = 0
  for (let index = start; index < out.pos; index++) if (out.bytes[index] === 34) quotes++
  return out.pos - start - quotes / 2
}
