import { DataType, type Table, type Vector } from 'apache-arrow'

/** A value as text that shows every digit: raw 64-bit times, unscaled decimals, parsed JSON. Null stays null. */
export type Canonical = string | null

/** The column's values, read from its raw buffers: `get` would turn times into floating-point milliseconds. */
export function canonical(vector: Vector): readonly Canonical[] {
  return vector.data.flatMap((data) =>
    Array.from({ length: data.length }, (_, row) => (data.getValid(row) ? valueAt(vector, data, row) : null)),
  )
}

export function canonicalTable(table: Table): Readonly<Record<string, readonly Canonical[]>> {
  return Object.fromEntries(
    table.schema.fields.map((field, index) => [field.name, canonical(table.getChildAt(index)!)]),
  )
}

function valueAt(vector: Vector, data: Vector['data'][number], row: number): string {
  const { type, values } = data
  if (DataType.isDecimal(type)) {
    const words = values as Uint32Array
    let unscaled = 0n
    for (let word = 3; word >= 0; word--) unscaled = (unscaled << 32n) | BigInt(words[row * 4 + word]!)
    return String(BigInt.asIntN(128, unscaled))
  }
  if (values instanceof BigInt64Array) return String(values[row])
  if (DataType.isFloat(type)) return String((values as Float64Array)[row])
  return String(singleValue(vector, data, row))
}

function singleValue(vector: Vector, data: Vector['data'][number], row: number): unknown {
  const start = vector.data.slice(0, vector.data.indexOf(data)).reduce((sum, part) => sum + part.length, 0)
  return vector.get(start + row)
}
