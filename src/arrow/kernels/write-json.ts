/*
 * HOT: once per value inside a list, struct, map or union. Values as JSON for Kusto's dynamic:
 * - integers with all digits; a uint64 over 2^63-1 and every decimal as a string, because JSON numbers become doubles
 * - NaN, Infinity and -Infinity as strings, as the service itself writes them: toreal() reads them back
 * - times, guids and base64 as strings; `arrow.json` text as it is when it is JSON, else as a string
 * - nulls kept, map keys as strings. A null row of the outermost value is `null` here too.
 * Every writer reserves its own room. Bench: bench/csv.bench.ts (nested).
 */
import {
  type Data,
  type Dictionary,
  type Field,
  type FixedSizeList,
  type Float,
  type Int,
  Precision,
  Type,
  type Union,
  UnionMode,
} from 'apache-arrow'
import { KustoDataError } from '../../errors.ts'
import { arrowKind, typeName } from '../kusto-columns.ts'
import { writeBase64, writeUuid } from './write-binary.ts'
import { type ByteSink, byteSink, reserve, writeAscii } from './write-bytes.ts'
import { type CellWriter, type FixedCells, fixedCells, isValid } from './write-cells.ts'
import { type SpanWriter, spanCells } from './write-spans.ts'
import { writeJsonText, writeJsonTextInCsv } from './write-text.ts'

const QUOTE = 34
const COMMA = 44
const COLON = 58
const encoder = new TextEncoder()

/** Bytes that stand for a quotation mark: one in JSON, two in JSON inside a quoted CSV field. */
export type QuoteBytes = 1 | 2

/** Writers of JSON values for a column or a child of one; null rows become `null`. */
export function jsonCells(field: Field, data: Data, quotes: QuoteBytes): CellWriter {
  if (data.type.typeId === Type.Union) return unionCells(data, quotes)
  const write = validCells(field, data, quotes)
  return (out, row) => {
    if (isValid(data, row)) write(out, row)
    else {
      reserve(out, 4)
      writeAscii(out, 'null')
    }
  }
}

/** Calls `write` of the dictionary chunk that holds each row's key; does nothing where the dictionary's value is null. */
export function dictionaryCells(data: Data, make: (chunk: Data) => CellWriter): CellWriter {
  const chunks = data.dictionary?.data ?? []
  const writers = chunks.map(make)
  const keys = data.values as Int32Array
  return (out, row) => {
    let key = Number(keys[row])
    let chunk = 0
    while (key >= chunks[chunk]!.length) key -= chunks[chunk++]!.length
    if (isValid(chunks[chunk]!, key)) writers[chunk]!(out, key)
  }
}

function validCells(field: Field, data: Data, quotes: QuoteBytes): CellWriter {
  const fixed = fixedCells(data, 'dynamic')
  if (fixed !== undefined) return fixedJson(data, fixed, quotes)
  const spans = spanCells(data, spanJson(field, quotes))
  if (spans !== undefined) return spans
  const { typeId } = data.type
  if (typeId === Type.Dictionary) return dictionaryJson(field, data, quotes)
  if (typeId === Type.List || typeId === Type.LargeList || typeId === Type.FixedSizeList) return listCells(data, quotes)
  if (typeId === Type.Struct) return structCells(data, quotes)
  if (typeId === Type.Map) return mapCells(data, quotes)
  throw new KustoDataError('KUSTO_UNSUPPORTED_TYPE', `column ${field.name}: no JSON for ${typeName(data.type)}`, {
    type: typeName(data.type),
  })
}

function fixedJson(data: Data, cells: FixedCells, quotes: QuoteBytes): CellWriter {
  const { room, write } = cells
  const bare: CellWriter = (out, row) => {
    reserve(out, room)
    write(out, row)
  }
  const quoted: CellWriter = (out, row) => {
    reserve(out, room + 4)
    writeQuote(out, quotes)
    write(out, row)
    writeQuote(out, quotes)
  }
  const { typeId } = data.type
  if (typeId === Type.Bool) return bare
  if (typeId === Type.Int) {
    const { bitWidth, isSigned } = data.type as Int
    if (bitWidth < 64 || isSigned) return bare
    const values = data.values as BigUint64Array
    return (out, row) => (values[row]! > 0x7fff_ffff_ffff_ffffn ? quoted : bare)(out, row)
  }
  if (typeId !== Type.Float) return quoted
  const values = data.values as Float64Array
  if ((data.type as Float).precision === Precision.HALF) {
    return (out, row) => ((values[row]! & 0x7c00) === 0x7c00 ? quoted : bare)(out, row)
  }
  return (out, row) => (Number.isFinite(values[row]!) ? bare : quoted)(out, row)
}

function spanJson(field: Field, quotes: QuoteBytes): SpanWriter {
  const kind = arrowKind(field)
  if (kind === 'text') return quotes === 1 ? writeJsonText : writeJsonTextInCsv
  if (kind === 'json') return (out, src, start, end) => writeRawJson(out, src.subarray(start, end), quotes)
  return (out, src, start, end) => {
    reserve(out, 40)
    writeQuote(out, quotes)
    if (kind === 'uuid') writeUuid(out, src, start)
    else writeBase64(out, src, start, end, 2)
    writeQuote(out, quotes)
  }
}

/** `arrow.json` inside a larger value: text that is not JSON would break what is around it, so it becomes a string. */
function writeRawJson(out: ByteSink, bytes: Uint8Array, quotes: QuoteBytes): void {
  try {
    JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch {
    const write = quotes === 1 ? writeJsonText : writeJsonTextInCsv
    write(out, bytes, 0, bytes.length)
    return
  }
  writeCopy(out, bytes, quotes)
}

function dictionaryJson(field: Field, data: Data, quotes: QuoteBytes): CellWriter {
  const values = field.clone({ type: (data.type as Dictionary).dictionary })
  const write = dictionaryCells(data, (chunk) => validCells(values, chunk, quotes))
  return (out, row) => {
    const before = out.pos
    write(out, row)
    if (out.pos > before) return
    reserve(out, 4)
    writeAscii(out, 'null')
  }
}

function listCells(data: Data, quotes: QuoteBytes): CellWriter {
  const item = jsonCells(data.type.children[0] as Field, data.children[0]!, quotes)
  const bounds = listBounds(data)
  return (out, row) => {
    reserve(out, 2)
    out.bytes[out.pos++] = 91
    const start = bounds(row)
    const end = bounds(row + 1)
    for (let index = start; index < end; index++) {
      if (index > start) writeByte(out, COMMA)
      item(out, index)
    }
    writeByte(out, 93)
  }
}

function listBounds(data: Data): (row: number) => number {
  if (data.type.typeId === Type.FixedSizeList) {
    const { listSize } = data.type as FixedSizeList
    return (row) => row * listSize
  }
  const offsets = data.valueOffsets as Int32Array
  return data.type.typeId === Type.LargeList ? (row) => Number(offsets[row]) : (row) => offsets[row]!
}

function structCells(data: Data, quotes: QuoteBytes): CellWriter {
  const members = data.type.children.map((child, index) => ({
    prefix: memberPrefix(child.name, index, quotes),
    write: jsonCells(child, data.children[index]!, quotes),
  }))
  return (out, row) => {
    writeByte(out, 123)
    for (const { prefix, write } of members) {
      reserve(out, prefix.length)
      const { bytes } = out
      let pos = out.pos
      // Names are short: a loop beats the call of `set`.
      for (let index = 0; index < prefix.length; index++) bytes[pos++] = prefix[index]!
      out.pos = pos
      write(out, row)
    }
    writeByte(out, 125)
  }
}

function memberPrefix(name: string, index: number, quotes: QuoteBytes): Uint8Array {
  const text = `${index > 0 ? ',' : ''}${JSON.stringify(name)}:`
  return encoder.encode(quotes === 1 ? text : text.replaceAll('"', '""'))
}

function mapCells(data: Data, quotes: QuoteBytes): CellWriter {
  const entries = data.type.children[0] as Field
  const entryData = data.children[0]!
  const [keyField, valueField] = entries.type.children as [Field, Field]
  const keys = keyCells(keyField, entryData.children[0]!, quotes)
  const values = jsonCells(valueField, entryData.children[1]!, quotes)
  const offsets = data.valueOffsets as Int32Array
  return (out, row) => {
    writeByte(out, 123)
    for (let index = offsets[row]!; index < offsets[row + 1]!; index++) {
      if (index > offsets[row]!) writeByte(out, COMMA)
      keys(out, index)
      writeByte(out, COLON)
      values(out, index)
    }
    writeByte(out, 125)
  }
}

/** Keys that are no JSON string yet become the string of their JSON text. */
function keyCells(field: Field, data: Data, quotes: QuoteBytes): CellWriter {
  const write = jsonCells(field, data, 1)
  const scratch = byteSink(64)
  return (out, row) => {
    scratch.pos = 0
    write(scratch, row)
    out.cutTimes += scratch.cutTimes
    scratch.cutTimes = 0
    const json = scratch.bytes.subarray(0, scratch.pos)
    if (json[0] === QUOTE) writeCopy(out, json, quotes)
    else if (quotes === 1) writeJsonText(out, json, 0, json.length)
    else writeJsonTextInCsv(out, json, 0, json.length)
  }
}

function unionCells(data: Data, quotes: QuoteBytes): CellWriter {
  const type = data.type as Union
  const writers = type.children.map((child, index) => jsonCells(child, data.children[index]!, quotes))
  const typeIds = data.typeIds as Int8Array
  const offsets = type.mode === UnionMode.Dense ? (data.valueOffsets as Int32Array) : undefined
  return (out, row) => {
    const child = type.typeIdToChildIndex[typeIds[row]!]!
    writers[child]!(out, offsets === undefined ? row : offsets[row]!)
  }
}

/** Copies JSON text, its quotation marks doubled where asked. */
function writeCopy(out: ByteSink, json: Uint8Array, quotes: QuoteBytes): void {
  reserve(out, json.length * quotes)
  const { bytes } = out
  let pos = out.pos
  for (let index = 0; index < json.length; index++) {
    const byte = json[index]!
    bytes[pos++] = byte
    if (byte === QUOTE && quotes === 2) bytes[pos++] = QUOTE
  }
  out.pos = pos
}

function writeQuote(out: ByteSink, quotes: QuoteBytes): void {
  out.bytes[out.pos++] = QUOTE
  if (quotes === 2) out.bytes[out.pos++] = QUOTE
}

function writeByte(out: ByteSink, byte: number): void {
  reserve(out, 1)
  out.bytes[out.pos++] = byte
}
