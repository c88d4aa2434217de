import type { DuckDBDataChunk } from '@duckdb/node-api'
import type { Cell, Column, ScalarName } from '../lang/syntax.ts'
import type { ByteBuffer } from './byte-buffer.ts'
import { readColumn, StringColumn, type ColumnData, type MemoryReader } from './vector-reader.ts'
import {
  SCALAR_BYTES,
  writeAscii,
  writeDatetime,
  writeDecimal,
  writeGuid,
  writeInteger,
  writeLong,
  writeNull,
  writeReal,
  writeTimespan,
} from './write-scalars.ts'

/** v1 writes bool as 0 and 1 and dynamic as JSON text in a string; v2 writes both as JSON values. */
export type WireVersion = 'v1' | 'v2'

const COMMA = 0x2c
const OPEN = 0x5b
const CLOSE = 0x5d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20
/** A control character becomes six bytes. */
const WORST_ESCAPE = 6

interface Slot {
  readonly type: ScalarName
  readonly strings: StringColumn | undefined
}

/**
 * Encodes DuckDB chunks of one result as JSON rows.
 * HOT: once per chunk; no allocation per cell except for decimals and for reals that are not integers.
 */
export class RowEncoder {
  readonly #columns: readonly Column[]
  readonly #slots: readonly Slot[]
  readonly #version: WireVersion

  constructor(columns: readonly Column[], version: WireVersion, memory: MemoryReader) {
    this.#columns = columns
    this.#version = version
    this.#slots = columns.map(({ type }) => ({
      type,
      strings: type === 'string' || type === 'dynamic' ? new StringColumn(memory) : undefined,
    }))
  }

  /** Appends the first `rows` rows of a chunk as `[..],[..]`, without a comma before the first. */
  encode(chunk: DuckDBDataChunk, rows: number, out: ByteBuffer): void {
    const columns = this.#columns.map((column, index) => readColumn(chunk, index, column))
    for (const [index, slot] of this.#slots.entries()) {
      const column = columns[index]
      if (column !== undefined) slot.strings?.load(column, rows)
    }
    const fixed = this.#slots.length * SCALAR_BYTES + 4
    for (let row = 0; row < rows; row++) {
      out.reserve(fixed)
      if (row > 0) out.bytes[out.length++] = COMMA
      out.bytes[out.length++] = OPEN
      for (let index = 0; index < columns.length; index++) {
        if (index > 0) out.bytes[out.length++] = COMMA
        const column = columns[index]
        const slot = this.#slots[index]
        if (column === undefined || slot === undefined) continue
        if (slot.strings === undefined) out.length = this.#writeFixed(out, slot.type, column, row)
        else this.#writeString(out, slot, column, row, fixed)
      }
      out.bytes[out.length++] = CLOSE
    }
  }

  #writeFixed(out: ByteBuffer, type: ScalarName, column: ColumnData, row: number): number {
    const { data } = column
    const bytes = out.bytes
    const at = out.length
    if (isNull(column, row)) return writeNull(bytes, at)
    switch (type) {
      case 'bool':
        return writeBool(bytes, at, data.getUint8(row) !== 0, this.#version)
      case 'int':
        return writeInteger(bytes, at, data.getInt32(row * 4, true))
      case 'long':
        return writeLong(bytes, at, data.getInt32(row * 8, true), data.getInt32(row * 8 + 4, true))
      case 'real':
        return writeReal(bytes, at, data.getFloat64(row * 8, true))
      case 'decimal': {
        const scaled = (data.getBigInt64(row * 16 + 8, true) << 64n) | data.getBigUint64(row * 16, true)
        return writeDecimal(bytes, at, scaled, column.scale)
      }
      case 'datetime':
        return writeDatetime(bytes, at, data.getInt32(row * 8, true), data.getInt32(row * 8 + 4, true))
      case 'timespan':
        return writeTimespan(bytes, at, data.getInt32(row * 8, true), data.getInt32(row * 8 + 4, true))
      case 'guid':
        return writeGuid(bytes, at, data, row * 16)
      case 'string':
      case 'dynamic':
        return at
    }
  }

  #writeString(out: ByteBuffer, slot: Slot, column: ColumnData, row: number, fixed: number): void {
    const { strings } = slot
    if (strings === undefined) return
    if (isNull(column, row)) {
      // A string has no null; a translation that produced one must not turn it into JSON null.
      out.length = slot.type === 'string' ? writeAscii(out.bytes, out.length, '""') : writeNull(out.bytes, out.length)
      return
    }
    const length = column.data.getUint32(row * 16, true)
    const source = strings.sources[strings.sourceOf[row] ?? 0]
    const start = strings.startOf[row] ?? 0
    if (source === undefined) return
    const raw = slot.type === 'dynamic' && this.#version === 'v2'
    out.reserve(length * (raw ? 1 : WORST_ESCAPE) + 2 + fixed)
    out.length = raw
      ? writeJson(out.bytes, out.length, source, start, length)
      : writeQuoted(out.bytes, out.length, source, start, length)
  }
}

function isNull(column: ColumnData, row: number): boolean {
  return column.validity !== undefined && ((column.validity.getUint8(row >> 3) >> (row & 7)) & 1) === 0
}

function writeBool(bytes: Uint8Array, at: number, value: boolean, version: WireVersion): number {
  if (version === 'v1') {
    bytes[at] = value ? 0x31 : 0x30
    return at + 1
  }
  return writeAscii(bytes, at, value ? 'true' : 'false')
}

/** Copies JSON text; line breaks between its tokens become blanks, because a frame is one line. */
function writeJson(bytes: Uint8Array, at: number, source: DataView, start: number, length: number): number {
  for (let index = 0; index < length; index++) {
    const byte = source.getUint8(start + index)
    bytes[at + index] = byte < SPACE ? SPACE : byte
  }
  return at + length
}

function writeQuoted(bytes: Uint8Array, at: number, source: DataView, start: number, length: number): number {
  bytes[at++] = QUOTE
  for (let index = 0; index < length; index++) {
    const byte = source.getUint8(start + index)
    if (byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH) bytes[at++] = byte
    else at = writeEscape(bytes, at, byte)
  }
  bytes[at] = QUOTE
  return at + 1
}

const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [QUOTE, '\\"'],
  [BACKSLASH, '\\\\'],
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [12, '\\f'],
  [13, '\\r'],
])

function writeEscape(bytes: Uint8Array, at: number, byte: number): number {
  return writeAscii(bytes, at, SHORT_ESCAPES.get(byte) ?? `\\u00${byte.toString(16).padStart(2, '0')}`)
}

/** One row of cells in JavaScript as JSON, for the small tables that do not come from DuckDB. */
export function encodeCells(cells: readonly Cell[], columns: readonly Column[], version: WireVersion): string {
  return `[${columns.map(({ type }, index) => encodeCell(cells[index] ?? null, type, version)).join(',')}]`
}

const scratch = new Uint8Array(SCALAR_BYTES)

function encodeCell(cell: Cell, type: ScalarName, version: WireVersion): string {
  if (cell === null) return 'null'
  if (typeof cell === 'boolean') return version === 'v1' ? (cell ? '1' : '0') : String(cell)
  if (typeof cell === 'number') return type === 'real' ? written((at) => writeReal(scratch, at, cell)) : String(cell)
  if (typeof cell === 'bigint') {
    if (type !== 'datetime' && type !== 'timespan') return String(cell)
    const low = Number(BigInt.asIntN(32, cell))
    const high = Number(BigInt.asIntN(32, cell >> 32n))
    return written((at) => (type === 'datetime' ? writeDatetime : writeTimespan)(scratch, at, low, high))
  }
  return type === 'dynamic' && version === 'v2' ? cell.replaceAll(/[\r\n\t]/g, ' ') : JSON.stringify(cell)
}

function written(write: (at: number) => number): string {
  return Buffer.from(scratch.subarray(0, write(0))).toString('latin1')
}
