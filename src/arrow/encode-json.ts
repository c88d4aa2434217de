import { type Data, type Field, type RecordBatch, Type } from 'apache-arrow'
import { KustoDataError } from '../errors.ts'
import { type EncodeCsvOptions, type EncodedCsv, located, targetColumns } from './encode-csv.ts'
import { isCheckedText } from './kernels/checked-text.ts'
import { integerColumn, plainColumn, realColumn, type RowCursor, utf8Column } from './kernels/encode-columns.ts'
import { byteSink, CELL_LIMIT_BYTES, reserve } from './kernels/write-bytes.ts'
import type { CellWriter } from './kernels/write-cells.ts'
import { jsonCells } from './kernels/write-json.ts'
import { arrowKind } from './kusto-columns.ts'
import type { KustoColumn, ScalarName } from './scalar-types.ts'

/** Choices of {@link encodeJson}, the same as those of CSV. */
export type EncodeJsonOptions = EncodeCsvOptions

/** JSON made of a batch: as for CSV, one record a line. */
export type EncodedJson = EncodedCsv

interface Member {
  readonly column: KustoColumn
  readonly prefix: Uint8Array
  readonly write: CellWriter
}

const encoder = new TextEncoder()
const OPEN = 123
const COMMA = 44
const CLOSE = 125
const NEWLINE = 10

/**
 * Writes a batch as JSON, one object a line, the names of its columns as keys. Values are those of Kusto's dynamic:
 * integers with all digits, decimals and times as text, NaN and infinities as text. Columns of Arrow type Null are left out.
 * @throws {KustoDataError} naming column and row, for a value that the column's Kusto type cannot hold;
 * KUSTO_RECORD_TOO_LARGE when a single record exceeds `maxBytes`
 * @throws {KustoUsageError} KUSTO_COLUMN_MISMATCH when `columns` do not suit the batch
 */
export function encodeJson(batch: RecordBatch, options: EncodeJsonOptions = {}): EncodedJson {
  const { startRow = 0, maxBytes = Infinity, rowOffset = 0 } = options
  const members = membersOf(batch, targetColumns(batch, options.columns), rowOffset)
  const out = byteSink(Math.min(maxBytes, 1 << 20))
  let row = startRow
  let column: KustoColumn | undefined
  try {
    for (; row < batch.numRows; row++) {
      const start = out.pos
      const { cutTimes, oversizeCells } = out
      members.forEach((member, index) => {
        column = member.column
        reserve(out, member.prefix.length + 2)
        out.bytes[out.pos++] = index === 0 ? OPEN : COMMA
        out.bytes.set(member.prefix, out.pos)
        out.pos += member.prefix.length
        const from = out.pos
        member.write(out, row)
        if (out.pos - from > CELL_LIMIT_BYTES) out.oversizeCells++
      })
      reserve(out, 3)
      if (members.length === 0) out.bytes[out.pos++] = OPEN
      out.bytes[out.pos++] = CLOSE
      out.bytes[out.pos++] = NEWLINE
      if (out.pos <= maxBytes) continue
      out.pos = start
      out.cutTimes = cutTimes
      out.oversizeCells = oversizeCells
      break
    }
  } catch (error) {
    throw located(error, { column, row: rowOffset + row })
  }
  if (row === startRow && startRow < batch.numRows) {
    throw new KustoDataError(
      'KUSTO_RECORD_TOO_LARGE',
      `row ${rowOffset + row}: expected a record of at most ${maxBytes} bytes`,
      { row: rowOffset + row },
    )
  }
  const { oversizeCells, cutTimes } = out
  return { bytes: out.bytes.subarray(0, out.pos), rows: row - startRow, nextRow: row, oversizeCells, cutTimes }
}

function membersOf(batch: RecordBatch, columns: readonly KustoColumn[], rowOffset: number): readonly Member[] {
  return batch.schema.fields.flatMap((field, index) => {
    const data = batch.data.children[index]
    const column = columns[index]
    if (data === undefined || column === undefined || data.type.typeId === Type.Null) return []
    const at: RowCursor = { row: 0 }
    try {
      const ready = readyColumn(field, data, column.type, at)
      const prefix = encoder.encode(`${JSON.stringify(column.name)}:`)
      return [{ column, prefix, write: jsonCells(ready.field, ready.data, 1) }]
    } catch (error) {
      throw located(error, { column, row: rowOffset + at.row })
    }
  })
}

/** The column in a form whose JSON the target type reads back exactly. Text for a dynamic column is JSON already. */
function readyColumn(
  field: Field,
  data: Data,
  target: ScalarName,
  at: RowCursor,
): { readonly field: Field; readonly data: Data } {
  const kind = arrowKind(field)
  if (kind === 'text' && target === 'dynamic') {
    const metadata = new Map([...field.metadata, ['ARROW:extension:name', 'arrow.json'] as const])
    return { field: field.clone({ metadata }), data }
  }
  if (kind === 'text' && isCheckedText(target)) {
    const text = utf8Column(field, data, { target, counts: byteSink(0), at })
    return { field: field.clone({ type: text.type }), data: text }
  }
  if (kind !== 'integer' || (target !== 'int' && target !== 'long' && target !== 'real')) return { field, data }
  const plain = plainColumn(data)
  const checked = target === 'real' ? realColumn(plain, at) : integerColumn(plain, target, at)
  return { field: field.clone({ type: checked.type }), data: checked }
}
