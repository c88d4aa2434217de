import { DataType, type RecordBatch, type Vector } from 'apache-arrow'

/**
 * Counts rows and sums a 64-bit hash of every value, per column and per whole row. Sums do not depend on the order of
 * rows or on how they are cut into batches, so two tables with the same rows have the same sums, and a row that is
 * missing, doubled or changed shows.
 */
export class Checksum {
  rows = 0
  readonly #columns = new Map<string, Sum>()
  readonly #wholeRows: Sum = { low: 0, high: 0 }

  add(batch: RecordBatch): void {
    const rows = { low: new Int32Array(batch.numRows), high: new Int32Array(batch.numRows) }
    for (const [index, field] of batch.schema.fields.entries()) {
      const column = batch.getChildAt(index)
      if (column === null) continue
      const hashes = hashColumn(column)
      addSum(this.#sum(field.name), hashes)
      for (let row = 0; row < batch.numRows; row++) {
        rows.low[row] = mix((rows.low[row] ?? 0) ^ Math.imul((hashes.low[row] ?? 0) + index, 0x9e3779b1))
        rows.high[row] = mix((rows.high[row] ?? 0) ^ Math.imul((hashes.high[row] ?? 0) + index, 0x85ebca6b))
      }
    }
    addSum(this.#wholeRows, rows)
    this.rows += batch.numRows
  }

  /** `{ rows, wholeRows, <column>: hex, ... }`, comparable with `deepEqual`. */
  result(): Readonly<Record<string, string>> {
    const columns = [...this.#columns].map(([name, sum]) => [`column ${name}`, hex(sum)] as const)
    return { rows: String(this.rows), 'whole rows': hex(this.#wholeRows), ...Object.fromEntries(columns) }
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

function hashColumn(column: Vector): Hashes {
  const low = new Int32Array(column.length)
  const high = new Int32Array(column.length)
  let row = 0
  for (const data of column.data) {
    const { type, values, valueOffsets, length } = data
    if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
      const bytes = values as Uint8Array
      for (let i = 0; i < length; i++, row++) {
        // Offsets of a data node are already cut to its slice.
        const end = Number(valueOffsets[i + 1])
        let h1 = 0x811c9dc5
        let h2 = 0x1b873593
        for (let at = Number(valueOffsets[i]); at < end; at++) {
          h1 = Math.imul(h1 ^ (bytes[at] ?? 0), 0x01000193)
          h2 = Math.imul(h2 ^ (bytes[at] ?? 0), 0x5bd1e995)
        }
        low[row] = mix(h1)
        high[row] = mix(h2)
      }
    } else if (values instanceof BigInt64Array) {
      // Halves of the 64-bit value, little-endian, read in place: no BigInt for each cell.
      const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2)
      for (let i = 0; i < length; i++, row++) {
        low[row] = mix((halves[2 * i] ?? 0) ^ 0x27d4eb2f)
        high[row] = mix(Math.imul(halves[2 * i] ?? 0, 0x165667b1) ^ (halves[2 * i + 1] ?? 0))
      }
    } else {
      throw new TypeError(`no checksum for columns of type ${String(type)}`)
    }
    if (data.nullCount > 0) {
      for (let i = 0; i < length; i++) {
        if (!data.getValid(i)) {
          low[row - length + i] = NULL_HASH
          high[row - length + i] = NULL_HASH
        }
      }
    }
  }
  return { low, high }
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

const hex = ({ low, high }: Sum): string =>
  (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0')
