import type { RecordBatch } from 'apache-arrow'
import { KustoDataError, KustoUsageError } from '../errors.ts'
import { columnCells } from './kernels/column-cells.ts'
import { byteSink } from './kernels/write-bytes.ts'
import { type CsvPosition, writeRecords } from './kernels/write-csv.ts'
import { acceptsTarget, kustoColumns, typeName } from './kusto-columns.ts'
import type { KustoColumn } from './scalar-types.ts'

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
  const kernels = columns.map(({ type }, index) => {
    const [field, data] = [batch.schema.fields[index], batch.data.children[index]]
    return field === undefined || data === undefined ? [] : [columnCells(field, data, { target: type, form: 'csv' })]
  })
  const at: CsvPosition = { row: startRow, column: 0 }
  const out = byteSink(0)
  if (columns.length === 0) at.row = batch.numRows
  else {
    const rowBytes = batch.data.byteLength / Math.max(1, batch.numRows)
    try {
      writeRecords(out, kernels.flat(), { startRow, endRow: batch.numRows, maxBytes, rowBytes }, at)
    } catch (error) {
      throw located(error, { column: columns[at.column], row: rowOffset + at.row })
    }
  }
  if (at.row === startRow && startRow < batch.numRows) {
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
