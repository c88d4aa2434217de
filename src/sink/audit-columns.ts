import { randomUUID } from 'node:crypto'
import {
  Dictionary,
  Field,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import type { Data } from 'apache-arrow'
import { type BatchInput, readBatches, type ReadBatchesOptions } from '../arrow/batches.ts'
import { badOption, checkNames } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'

/** Names of the two columns that say where a row comes from. */
export interface AuditNames {
  /** Name of the string column. Default `_stream`. */
  readonly streamColumn?: string
  /** Name of the long column. Default `_row`. */
  readonly rowColumn?: string
}

/** How {@link auditColumns} numbers rows. */
export interface AuditColumnsOptions
  extends AuditNames, Pick<ReadBatchesOptions, 'inferRows' | 'batchRows' | 'signal'> {
  /**
   * What the rows are numbered within. Default: a new UUID, which tells the copies that one write makes. A source that is
   * read again after a crash gives the same name, and the same row the same number: then copies of both runs are told.
   */
  readonly stream?: string
  /** The number of the first row, at least 0. Default 0. */
  readonly firstRow?: number | bigint
}

const AUDIT_NAMES: Required<AuditNames> = Object.freeze({ streamColumn: '_stream', rowColumn: '_row' })

/**
 * The same rows with two more columns, at the end: the name of their stream (string) and the number of the row in it (long).
 * A row that the service got twice then has the same pair twice: see {@link auditSummary}, {@link duplicateRows},
 * {@link distinctRows} and {@link createDistinctView}. Takes what `write` takes; batches are not copied. Ending early ends
 * the input.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION; while iterating KUSTO_DUPLICATE_COLUMN when the data have such a column, and
 * what reading the input throws
 */
export function auditColumns(input: BatchInput, options: AuditColumnsOptions = {}): AsyncIterable<RecordBatch> {
  const { stream, firstRow, streamColumn, rowColumn } = auditSettings(options)
  const { inferRows, batchRows, signal } = options
  const reading = {
    ...(inferRows === undefined ? {} : { inferRows }),
    ...(batchRows === undefined ? {} : { batchRows }),
    ...(signal === undefined ? {} : { signal }),
  }
  // An id of its own: other columns of the data may have dictionaries too.
  const ofStream = new Field(streamColumn, new Dictionary(new Utf8(), new Int32(), DICTIONARY_ID), false)
  const ofRow = new Field(rowColumn, new Int64(), false)
  const names = vectorFromArray([stream], new Utf8())
  return {
    async *[Symbol.asyncIterator]() {
      const source = await readBatches(input, reading)
      for (const { name } of source.schema.fields) {
        if (name === streamColumn || name === rowColumn) throw nameInData(name)
      }
      const schema = new Schema([...source.schema.fields, ofStream, ofRow], source.schema.metadata)
      let row = firstRow
      for await (const batch of source.batches) {
        const { numRows } = batch
        const numbers = new BigInt64Array(numRows)
        for (let index = 0; index < numRows; index++) numbers[index] = row + BigInt(index)
        row += BigInt(numRows)
        yield withColumns(batch, schema, [
          makeData({
            type: ofStream.type,
            length: numRows,
            nullCount: 0,
            data: new Int32Array(numRows),
            dictionary: names,
          }),
          makeData({ type: ofRow.type, length: numRows, nullCount: 0, data: numbers }),
        ])
      }
    },
  }
}

const DICTIONARY_ID = 0x6175_6469

function withColumns(batch: RecordBatch, schema: Schema, columns: readonly Data[]): RecordBatch {
  const children = [
    ...batch.data.children.map((column) => (column.length === batch.numRows ? column : column.slice(0, batch.numRows))),
    ...columns,
  ]
  const type = new Struct(schema.fields)
  return new RecordBatch(schema, makeData({ type, length: batch.numRows, nullCount: 0, children }))
}

function auditSettings(options: AuditColumnsOptions): Required<AuditNames> & {
  readonly stream: string
  readonly firstRow: bigint
} {
  checkNames(options, ['stream', 'firstRow', 'streamColumn', 'rowColumn', 'inferRows', 'batchRows', 'signal'])
  const { stream = randomUUID(), firstRow = 0 } = options
  if (stream === '') throw badOption('expected stream to be a name, found none')
  const isWhole = typeof firstRow === 'bigint' || Number.isSafeInteger(firstRow)
  if (!isWhole || firstRow < 0)
    throw badOption(`expected firstRow to be a whole number, at least 0, found ${String(firstRow)}`)
  return { ...auditNames(options), stream, firstRow: BigInt(firstRow) }
}

/**
 * Both names, checked.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function auditNames(names: AuditNames): Required<AuditNames> {
  const { streamColumn = AUDIT_NAMES.streamColumn, rowColumn = AUDIT_NAMES.rowColumn } = names
  for (const [option, name] of Object.entries({ streamColumn, rowColumn })) {
    if (name === '') throw badOption(`expected ${option} to be a name, found none`)
  }
  if (streamColumn === rowColumn)
    throw badOption(`expected rowColumn to be another name than streamColumn, found ${rowColumn} twice`)
  return { streamColumn, rowColumn }
}

function nameInData(name: string): KustoUsageError {
  return new KustoUsageError(
    'KUSTO_DUPLICATE_COLUMN',
    `expected data without a column ${name}, which the rows are numbered by, found one: choose another streamColumn or rowColumn`,
  )
}
