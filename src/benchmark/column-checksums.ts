import { DataType, Precision } from 'apache-arrow'
import type { RecordBatch, Vector } from 'apache-arrow'
import { typeName } from '../arrow/kusto-columns.ts'
import { KustoUsageError } from '../errors.ts'

/** Rows and, for each column and for whole rows, a sum of hashes; the same for the same rows in any order and any batches. */
export interface RowsChecksum {
  readonly rows: number
  readonly wholeRows: string
  readonly columns: Readonly<Record<string, string>>
}

/**
 * Counts rows and sums a 64-bit hash of every value, by column and by whole row. Sums do not depend on the order of rows or
 * on how they are cut into batches, so answers with the same rows have the same sums, and a row that is missing, doubled or
 * changed shows.
 */
export class ColumnChecksums {
  #rows = 0
  readonly #columns = new Map<string, Sum>()
  readonly #wholeRows: Sum = { low: 0, high: 0 }

  add(batch: RecordBatch): void {
    const whole = emptyHashes(batch.numRows)
    for (const [index, field] of batch.schema.fields.entries()) {
      const column = batch.getChildAt(index)
      if (column === null) continue
      const hashes = hashColumn(column, field.name)
      addSum(this.#sum(field.name), hashes)
      for (let row = 0; row < batch.numRows; row++) {
        whole.low[row] = mix((whole.low[row] ?? 0) ^ Math.imul((hashes.low[row] ?? 0) + index, 0x9e3779b1))
        whole.high[row] = mix((whole.high[row] ?? 0) ^ Math.imul((hashes.high[row] ?? 0) + index, 0x85ebca6b))
      }
    }
    addSum(this.#wholeRows, whole)
    this.#rows += batch.numRows
  }

  result(): RowsChecksum {
    const columns = [...this.#columns].map(([name, sum]) => [name, hex(sum)] as const)
    return { rows: this.#rows, wholeRows: hex(this.#wholeRows), columns: Object.fromEntries(columns) }
  }

  #sum(name: string): Sum {
    const sum = this.#columns.get(name) ?? { low: 0, high: 0 }
    this.#columns.set(name, sum)
    return sum
  }
}

interface Sum {
  low: number
  high: number
}

interface Hashes {
  readonly low: Int32Array
  readonly high: Int32Array
}

const NULL_HASH = 0x5bd1e995

function emptyHashes(rows: number): Hashes {
  return { low: new Int32Array(rows), high: new Int32Array(rows) }
}

function hashColumn(column: Vector, name: string): Hashes {
  const hashes = emptyHashes(column.length)
  let offset = 0
  for (const data of column.data) {
    const { type, length } = data
    const out = { low: hashes.low.subarray(offset), high: hashes.high.subarray(offset) }
    if (DataType.isDictionary(type)) hashDictionary(data, out, name)
    else if (DataType.isUtf8(type)) hashTexts(data.values as Uint8Array, data.valueOffsets, { length, out })
    else if (DataType.isBool(type)) hashBits(data, out)
    else hashWords(data, out, name)
    if (data.nullCount > 0) {
      for (let row = 0; row < length; row++) {
        if (data.getValid(row)) continue
        out.low[row] = NULL_HASH
        out.high[row] = NULL_HASH
      }
    }
    offset += length
  }
  return hashes
}

/** Offsets of a data node are already cut to its slice. */
function hashTexts(
  bytes: Uint8Array,
  offsets: Int32Array,
  { length, out }: { readonly length: number; readonly out: Hashes },
): void {
  for (let row = 0; row < length; row++) {
    const end = offsets[row + 1] ?? 0
    let low = 0x811c9dc5
    let high = 0x1b873593
    for (let at = offsets[row] ?? 0; at < end; at++) {
      const byte = bytes[at] ?? 0
      low = Math.imul(low ^ byte, 0x01000193)
      high = Math.imul(high ^ byte, 0x5bd1e995)
    }
    out.low[row] = mix(low)
    out.high[row] = mix(high)
  }
}

/** Values of 4, 8 or 16 bytes, as 32-bit words in place: no BigInt for each cell. */
function hashWords(data: Vector['data'][number], out: Hashes, name: string): void {
  const values: unknown = data.values
  if (!ArrayBuffer.isView(values) || values.byteOffset % 4 !== 0) throw unknownType(data.type, name)
  const words = new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2)
  const perRow = data.length === 0 ? 1 : wordsOf(data.type, name)
  for (let row = 0; row < data.length; row++) {
    let low = 0x27d4eb2f
    let high = 0x165667b1
    for (let word = row * perRow; word < (row + 1) * perRow; word++) {
      const value = words[word] ?? 0
      low = mix(low ^ value)
      high = mix(Math.imul(high, 0x9e3779b1) ^ value)
    }
    out.low[row] = low
    out.high[row] = high
  }
}

function wordsOf(type: DataType, name: string): number {
  if (DataType.isInt(type)) {
    if (type.bitWidth >= 32) return type.bitWidth / 32
  } else if (DataType.isFloat(type)) {
    if (type.precision === Precision.SINGLE) return 1
    if (type.precision === Precision.DOUBLE) return 2
  } else if (DataType.isTimestamp(type) || DataType.isDuration(type)) return 2
  else if (DataType.isDecimal(type)) return type.bitWidth / 32
  else if (DataType.isFixedSizeBinary(type) && type.byteWidth % 4 === 0) return type.byteWidth / 4
  throw unknownType(type, name)
}

function hashBits(data: Vector['data'][number], out: Hashes): void {
  const bits = data.values as Uint8Array
  for (let row = 0; row < data.length; row++) {
    const at = data.offset + row
    const bit = ((bits[at >> 3] ?? 0) >> (at & 7)) & 1
    out.low[row] = mix(bit + 0x27d4eb2f)
    out.high[row] = mix(bit + 0x165667b1)
  }
}

/** The same hashes as the texts have without a dictionary. */
function hashDictionary(data: Vector['data'][number], out: Hashes, name: string): void {
  if (data.dictionary === undefined) throw unknownType(data.type, name)
  const texts = hashColumn(data.dictionary, name)
  const keys = data.values as Int32Array
  for (let row = 0; row < data.length; row++) {
    out.low[row] = texts.low[keys[row] ?? 0] ?? 0
    out.high[row] = texts.high[keys[row] ?? 0] ?? 0
  }
}

function unknownType(type: DataType, name: string): KustoUsageError {
  return new KustoUsageError('KUSTO_NO_CHECKSUM', `no checksum for column ${name} of type ${typeName(type)}`)
}

function addSum(sum: Sum, hashes: Hashes): void {
  for (let row = 0; row < hashes.low.length; row++) {
    sum.low = (sum.low + (hashes.low[row] ?? 0)) | 0
    sum.high = (sum.high + (hashes.high[row] ?? 0)) | 0
  }
}

function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function hex({ low, high }: Sum): string {
  return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0')
}
