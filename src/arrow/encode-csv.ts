import { type Data, type Dictionary, type Field, type RecordBatch, Type } from 'apache-arrow'
import { KustoDataError, KustoUsageError } from '../errors.ts'
import { writeBase64, writeUuid } from './kernels/write-binary.ts'
import { type ByteSink, byteSink, CELL_LIMIT_BYTES } from './kernels/write-bytes.ts'
import { type CellWriter, fixedCells } from './kernels/write-cells.ts'
import { type CsvColumn, type CsvPosition, writeRecords } from './kernels/write-csv.ts'
import { dictionaryCells, jsonCells } from './kernels/write-json.ts'
import { spanCells } from './kernels/write-spans.ts'
import { writeCsvText } from './kernels/write-text.ts'
import { acceptsTarget, arrowKind, kustoColumns, typeName } from './kusto-columns.ts'
import type { KustoColumn, ScalarName } from './scalar-types.ts'

/** Choices of {@link encodeCsv}. */
export interface EncodeCsvOptions {
  /** The table's columns, by position, when they are not those of the batch's own types. */
  readonly columns?: readonly KustoColumn[]
  /** First row to write. Default 0. */
  readonly startRow?: number
  /** Stop before the record that would make more bytes than this. Default: the whole batch. */
  readonly maxBytes?: number
  /** Added to row numbers in errors: the rows that came before this batch. Default 0. */
  readonly rowOffset?: number
}

/** CSV made of a batch, and what a caller must know about it. */
export interface EncodedCsv {
  /** Owned by the caller and alone in its buffer, which may be larger. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly rows: number
  /** The first row not written: the batch's row count unless `maxBytes` stopped earlier. */
  readonly nextRow: number
  /** Cells over 1 MiB: with the default encoding policy Kusto cuts such strings and makes such dynamics null. */
  readonly oversizeCells: number
  /** Datetimes and timespans whose digits below 100 ns were cut, because Kusto has none. */
  readonly cutTimes: number
}

/**
 * Writes a batch as the CSV that Kusto reads back as the same values: RFC 4180, no header, `\n` after each record.
 * A null is an empty field, an empty string `""`; Kusto has no null string and reads both as empty.
 * @throws {KustoDataError} naming column and row, for a value that the column's Kusto type cannot hold;
 * KUSTO_RECORD_TOO_LARGE when a single record exceeds `maxBytes`
 * @throws {KustoUsageError} KUSTO_COLUMN_MISMATCH when `columns` do not suit the batch
 */
export function encodeCsv(batch: RecordBatch, options: EncodeCsvOptions = {}): EncodedCsv {
  const { startRow = 0, maxBytes = Infinity, rowOffset = 0 } = options
  const columns = targetColumns(batch, options.columns)
  const plan = planCells(batch, columns)
  const at: CsvPosition = { row: startRow, column: 0 }
  const out = byteSink(Math.min(maxBytes, estimate(batch, startRow)) + plan.slack)
  if (columns.length > 0) {
    try {
      writeRecords(out, plan.cells, { startRow, endRow: batch.numRows, maxBytes, slack: plan.slack }, at)
    } catch (error) {
      throw located(error, { column: columns[at.column], row: rowOffset + at.row })
    }
  }
  if (at.row === startRow && startRow < batch.numRows && columns.length > 0) {
    throw new KustoDataError(
      'KUSTO_RECORD_TOO_LARGE',
      `row ${rowOffset + startRow}: expected a record of at most ${maxBytes} bytes`,
      { row: rowOffset + startRow },
    )
  }
  return {
    bytes: out.bytes.subarray(0, out.pos),
    rows: at.row - startRow,
    nextRow: at.row,
    oversizeCells: out.oversizeCells,
    cutTimes: out.cutTimes,
  }
}

/**
 * The Kusto columns a batch is written to: the given ones, by position, or those of its own types.
 * @throws {KustoUsageError} KUSTO_COLUMN_MISMATCH
 */
export function targetColumns(batch: RecordBatch, given: readonly KustoColumn[] | undefined): readonly KustoColumn[] {
  const columns = given ?? kustoColumns(batch.schema)
  const { fields } = batch.schema
  if (columns.length !== fields.length) {
    const found = `${fields.length} columns in the batch`
    throw new KustoUsageError('KUSTO_COLUMN_MISMATCH', `expected ${columns.length} columns, found ${found}`)
  }
  for (const [index, field] of fields.entries()) {
    const column = columns[index]
    if (column === undefined || acceptsTarget(field, column.type)) continue
    throw new KustoUsageError(
      'KUSTO_COLUMN_MISMATCH',
      `column ${column.name}: expected values for ${column.type}, found Arrow type ${typeName(field.type)}`,
    )
  }
  return columns
}

/** The error again with the column and row where it happened; anything but a data error as it is. */
export function located(
  error: unknown,
  where: { readonly column: KustoColumn | undefined; readonly row: number },
): unknown {
  if (!(error instanceof KustoDataError) || where.column === undefined) return error
  const { name, type } = where.column
  return new KustoDataError(error.code, `column ${name}, row ${where.row}: ${error.message}`, {
    column: name,
    row: where.row,
    type,
  })
}

/** A writer of unquoted text for one column, given the Kusto type it is for, and the room it needs beforehand. */
export function textCells(
  field: Field,
  data: Data,
  options: { readonly target: ScalarName; readonly slack: number; readonly text: typeof writeCsvText },
): CellWriter {
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
  if (kind === 'nested' || target === 'dynamic') return jsonText(jsonCells(field, data), text, slack)
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

function planCells(
  batch: RecordBatch,
  columns: readonly KustoColumn[],
): { readonly cells: readonly CsvColumn[]; readonly slack: number } {
  const parts = batch.schema.fields.map((field, index) => ({
    field,
    data: batch.data.children[index],
    column: columns[index],
  }))
  const slack = parts.reduce((sum, { field, data }) => sum + (data === undefined ? 0 : roomOf(field, data)) + 1, 4)
  const cells = parts.flatMap(({ field, data, column }) =>
    data === undefined || column === undefined
      ? []
      : [{ data, write: textCells(field, data, { target: column.type, slack, text: writeCsvText }) }],
  )
  return { cells, slack }
}

function roomOf(field: Field, data: Data): number {
  if (data.type.typeId === Type.Dictionary) {
    return Math.max(0, ...(data.dictionary?.data ?? []).map((chunk) => roomOf(field, chunk)))
  }
  return fixedCells(data, 'string')?.room ?? 36
}

/** JSON text as a CSV field. One scratch buffer per column: a record is written before the next one starts. */
function jsonText(write: CellWriter, text: typeof writeCsvText, slack: number): CellWriter {
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

function estimate(batch: RecordBatch, startRow: number): number {
  const share = batch.numRows === 0 ? 0 : (batch.numRows - startRow) / batch.numRows
  return Math.ceil(batch.data.byteLength * share * 1.25)
}
