import { DataType, type Field, type Table, type Vector } from 'apache-arrow'

/** Every cell of our table against the cells of JSON.parse. Written apart from the decoder: each type by its own rule. */
export function compareWithJson(table: Table, rows: readonly (readonly unknown[])[]): void {
  if (table.numRows !== rows.length) throw new Error(`expected ${rows.length} rows, found ${table.numRows}`)
  for (const [index, field] of table.schema.fields.entries()) {
    let row = 0
    for (const batch of table.batches) {
      const vector = batch.getChildAt(index)
      if (vector === null) throw new Error(`expected a column ${field.name}`)
      for (let i = 0; i < batch.numRows; i++, row++) {
        check(field, row, cellOf(field, vector, i), jsonCell(field, rows[row]?.[index]))
      }
    }
  }
}

/** Every so many rows against the table of azure-kusto-data, whose cells are slow to read and which keeps milliseconds. */
export function compareWithSdk(table: Table, other: Table, { every = 101 } = {}): void {
  if (table.numRows !== other.numRows) throw new Error(`expected ${other.numRows} rows, found ${table.numRows}`)
  for (const field of table.schema.fields) {
    const [ours, theirs] = [table.getChild(field.name), other.getChild(field.name)]
    if (ours === null || theirs === null) throw new Error(`expected a column ${field.name} on both sides`)
    for (let row = 0; row < table.numRows; row += every) {
      check(field, row, millisecondCell(field, ours.get(row)), sdkCell(field, theirs.get(row)))
    }
  }
}

function check(field: Field, row: number, found: unknown, expected: unknown): void {
  if (Object.is(found, expected)) return
  throw new Error(`${field.name}[${row}]: expected ${String(expected)}, found ${String(found)}`)
}

function cellOf(field: Field, vector: Vector, row: number): unknown {
  if (!vector.isValid(row)) return null
  if (!isWide(field)) return vector.get(row) as unknown
  const data = vector.data[0]
  return data === undefined ? undefined : Number((data.values as BigInt64Array)[row])
}

function jsonCell(field: Field, json: unknown): unknown {
  if (typeof json === 'string' && DataType.isTimestamp(field.type)) return microsOf(json)
  if (typeof json === 'string' && DataType.isDuration(field.type)) return spanMicrosOf(json)
  return typeof json === 'object' && json !== null ? JSON.stringify(json) : json
}

function millisecondCell(field: Field, cell: unknown): unknown {
  if (cell === null) return null
  if (DataType.isTimestamp(field.type)) return Math.floor(Number(cell))
  // A duration's cell is its number of microseconds; a negative zero is none.
  if (DataType.isDuration(field.type)) return Math.floor(Number(cell) / 1000) + 0
  return typeof cell === 'bigint' ? Number(cell) : cell
}

function sdkCell(field: Field, cell: unknown): unknown {
  if (cell === null || cell === undefined) return null
  if (DataType.isTimestamp(field.type)) return Math.floor(Number(cell))
  if (DataType.isDuration(field.type)) return Math.floor(Number(cell)) + 0
  return typeof cell === 'object' ? JSON.stringify(cell) : cell
}

/** Types whose cells are 64-bit integers in the buffer. */
function isWide({ type }: Field): boolean {
  return DataType.isTimestamp(type) || DataType.isDuration(type) || (DataType.isInt(type) && type.bitWidth === 64)
}

function microsOf(text: string): number {
  const [seconds = '', fraction = ''] = text.slice(0, -1).split('.')
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}

function spanMicrosOf(text: string): number {
  const [, sign, days = '0', hours, minutes, seconds] = /^(-?)(?:(\d+)\.)?(\d+):(\d+):(\d+)$/.exec(text) ?? []
  const total = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
  return total === 0 ? 0 : total * 1e6 * (sign === '-' ? -1 : 1)
}
