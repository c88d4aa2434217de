/*
 * HOT: once per text column and batch of a Parquet file. The Parquet encoder refuses a batch with bytes that are not UTF-8;
 * Kusto puts U+FFFD in their place, and so does this. Bench: bench/parquet-write.bench.ts.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { type Data, makeData } from 'apache-arrow'
import { bitmapAtZero } from './encode-columns.ts'
import { isValid } from './write-cells.ts'

/** A column of Utf8 or LargeUtf8 whose cells are all well-formed UTF-8: the column itself where they are. */
export function wellFormedText(data: Data): Data {
  const { length } = data
  const values = data.values as Uint8Array
  const offsets = data.valueOffsets as Int32Array | BigInt64Array
  const bytes = values.subarray(Number(offsets[0] ?? 0), Number(offsets[length] ?? 0))
  if (isAscii(bytes)) return data
  if (isUtf8(bytes) && beginsWithCharacters(values, offsets, length)) return data
  const made = offsets instanceof Int32Array ? new Int32Array(length + 1) : new BigInt64Array(length + 1)
  const parts: Buffer[] = []
  let end = 0
  for (let row = 0; row < length; row++) {
    if (isValid(data, row)) {
      const [from, to] = [Number(offsets[row]!), Number(offsets[row + 1]!)]
      const part = Buffer.from(Buffer.from(values.buffer, values.byteOffset + from, to - from).toString('utf8'))
      parts.push(part)
      end += part.length
    }
    made[row + 1] = (made instanceof Int32Array ? end : BigInt(end)) as never
  }
  const text = { length, ...bitmapAtZero(data), valueOffsets: made, data: Uint8Array.from(Buffer.concat(parts)) }
  return makeData({ type: data.type, ...text } as never)
}

/** A character may be cut by the border of two cells. */
function beginsWithCharacters(values: Uint8Array, offsets: Int32Array | BigInt64Array, length: number): boolean {
  const end = Number(offsets[length]!)
  for (let row = 0; row < length; row++) {
    const start = Number(offsets[row]!)
    if (start < end && (values[start]! & 0xc0) === 0x80) return false
  }
  return true
}
