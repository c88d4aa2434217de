import { KustoProtocolError } from '../errors.ts'

/*
 * The end of a Parquet file:
 *   FileMetaData in Thrift's compact protocol
 *   uint32  its length, little-endian
 *   4 bytes "PAR1"
 * FileMetaData begins with 1: i32 version, 2: list<SchemaElement> schema, 3: i64 num_rows.
 * A field is a byte, its distance from the field before in the high half and its type in the low half, and the value.
 */
const MAGIC = 0x3152_4150
const TRAILER_BYTES = 8
const NUM_ROWS = 3

/** Compact protocol types. Booleans are in the type itself. */
const TYPES = { stop: 0, true: 1, false: 2, byte: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, struct: 12 }

interface Cursor {
  readonly bytes: Uint8Array
  at: number
}

/** Bytes from the start of the footer to the end of the file; `end` holds at least the last eight. */
export function footerBytes(end: Uint8Array): number {
  const trailer = new DataView(end.buffer, end.byteOffset + end.byteLength - TRAILER_BYTES, TRAILER_BYTES)
  if (trailer.getUint32(4, true) !== MAGIC) throw badFooter('"PAR1" at the end')
  return trailer.getUint32(0, true) + TRAILER_BYTES
}

/**
 * The number of rows that a footer counts.
 * @throws {KustoProtocolError} KUSTO_BAD_PARQUET when the bytes do not end with a footer
 */
export function footerRows(end: Uint8Array): number {
  if (end.length < TRAILER_BYTES || footerBytes(end) > end.length) throw badFooter('a whole footer')
  const cursor = { bytes: end, at: end.length - footerBytes(end) }
  for (let field = 0; ;) {
    const header = byteAt(cursor)
    const type = header & 15
    if (type === TYPES.stop) throw badFooter('a row count')
    field = header >> 4 === 0 ? zigzag(cursor) : field + (header >> 4)
    if (field === NUM_ROWS && type === TYPES.i64) return zigzag(cursor)
    skip(cursor, type)
  }
}

function skip(cursor: Cursor, type: number): void {
  switch (type) {
    case TYPES.true:
    case TYPES.false:
      return
    case TYPES.byte:
      cursor.at++
      return
    case TYPES.i16:
    case TYPES.i32:
    case TYPES.i64:
      varint(cursor)
      return
    case TYPES.double:
      cursor.at += 8
      return
    case TYPES.binary: {
      const length = varint(cursor)
      cursor.at += length
      return
    }
    case TYPES.list:
      skipList(cursor)
      return
    case TYPES.struct:
      skipStruct(cursor)
      return
    default:
      throw badFooter(`a type of the compact protocol at byte ${cursor.at}`)
  }
}

function skipList(cursor: Cursor): void {
  const header = byteAt(cursor)
  const length = header >> 4 === 15 ? varint(cursor) : header >> 4
  const type = header & 15
  // In a list a boolean is a byte of its own.
  for (let item = 0; item < length; item++) skip(cursor, type <= TYPES.false ? TYPES.byte : type)
}

function skipStruct(cursor: Cursor): void {
  for (let header = byteAt(cursor); (header & 15) !== TYPES.stop; header = byteAt(cursor)) {
    if (header >> 4 === 0) varint(cursor)
    skip(cursor, header & 15)
  }
}

/** Counts stay far below 2^53, so plain numbers hold them. */
function varint(cursor: Cursor): number {
  let value = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = byteAt(cursor)
    value += (byte & 127) * factor
    if (byte < 128) return value
  }
}

function zigzag(cursor: Cursor): number {
  const value = varint(cursor)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

function byteAt(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++]
  if (byte === undefined) throw badFooter('a whole footer')
  return byte
}

function badFooter(expected: string): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BAD_PARQUET', `expected ${expected}, found none`)
}
