import {
  type Bool,
  type Data,
  DataType,
  type Int64,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  type Utf8,
} from 'apache-arrow'
import { explainStop } from './decode-stop.ts'
import type { ByteWindow } from './kernels/byte-window.ts'
import { GrowingDictionary } from './dictionary-columns.ts'
import { ColumnBuilder, KIND, UNWRAP } from './kernels/column-builder.ts'
import { readRows, RowCursor, ROWS } from './kernels/read-rows.ts'
import { arrowSchema, type KustoColumn, type TypeSettings } from './scalar-types.ts'

/** How one table of a response is decoded. */
export interface DecodeSettings {
  readonly types: TypeSettings
  /** Rows of a full batch. */
  readonly batchRows: number
  /** Bytes of the response after which a batch ends early. */
  readonly batchBytes: number
  /** Which JSON strings in a dynamic column are taken as JSON text; see kernels/read-dynamic.ts. */
  readonly unwrap: keyof typeof UNWRAP
}

/**
 * What {@link TableDecoder.decode} met: `end` of the rows; a `batch` is full; the window ran out (`more`); or an
 * `object` stands in place of a row, at `window.pos` after an optional comma.
 */
export type DecodeStep = 'end' | 'batch' | 'more' | 'object'

const FIRST_ROWS = 256

/** Turns the rows of one table into record batches, across any number of fragments and windows. */
export class TableDecoder {
  readonly columns: readonly KustoColumn[]
  readonly schema: Schema
  readonly #settings: DecodeSettings
  readonly #builders: readonly ColumnBuilder[]
  readonly #dictionaries: readonly GrowingDictionary[]
  readonly #cursor = new RowCursor()
  #capacity = 0
  #rowsTaken = 0
  /** Bytes of the response read for this batch. */
  #batchBytes = 0

  constructor(columns: readonly KustoColumn[], settings: DecodeSettings) {
    this.columns = columns
    this.schema = arrowSchema(columns, settings.types)
    this.#settings = settings
    const unwrap = UNWRAP[settings.unwrap]
    this.#builders = columns.map((column, index) => {
      const encoding = DataType.isDictionary(this.#typeOf(index)) ? 'dictionary' : 'plain'
      return new ColumnBuilder(column.type, settings.types, unwrap, encoding)
    })
    this.#dictionaries = this.#builders.map((builder) => new GrowingDictionary(builder))
  }

  /** Rows completed since the start or the last {@link reset}. */
  get rows(): number {
    return this.#rowsTaken + this.#cursor.row
  }

  /** Per column, how many values lost a digit below the unit chosen for them. */
  get lostTicks(): readonly number[] {
    return this.#builders.map((builder) => builder.lostTicks)
  }

  /**
   * Reads rows from `window.pos`, which follows the `[` of an array of rows or what an earlier call left.
   * @throws {KustoDataError} KUSTO_BAD_VALUE or KUSTO_VALUE_OUT_OF_RANGE
   * @throws {KustoProtocolError} KUSTO_MALFORMED_RESPONSE
   */
  decode(window: ByteWindow, path: string): DecodeStep {
    const { batchRows, batchBytes } = this.#settings
    const cursor = this.#cursor
    for (;;) {
      if (cursor.row >= this.#capacity) this.#grow()
      for (const builder of this.#builders) builder.reserveText(window.end - window.pos)
      const start = window.pos
      const byteLimit = start + batchBytes - this.#batchBytes
      const outcome = readRows(window, this.#builders, cursor, this.#capacity, byteLimit)
      this.#batchBytes += window.pos - start
      if (outcome === ROWS.end) return 'end'
      if (outcome === ROWS.full) {
        if (cursor.row >= batchRows || this.#batchBytes >= batchBytes) return 'batch'
        continue
      }
      if (outcome === ROWS.object) return 'object'
      const error = explainStop(window, cursor, this.columns, { path, row: this.rows })
      if (error !== undefined) throw error
      for (const builder of this.#builders) builder.rollBackRow(cursor.row)
      return 'more'
    }
  }

  /** The rows decoded so far as a batch, or undefined when there are none. The batch owns its buffers. */
  takeBatch(): RecordBatch | undefined {
    const rows = this.#cursor.row
    if (rows === 0) return undefined
    const children = this.#builders.map((builder, index) => this.#takeData(builder, index, rows))
    for (const builder of this.#builders) builder.clear()
    this.#rowsTaken += rows
    this.#cursor.row = 0
    this.#batchBytes = 0
    const type = new Struct(this.schema.fields)
    return new RecordBatch(this.schema, makeData({ type, length: rows, nullCount: 0, children }))
  }

  /** Forgets all rows: the service replaces what it sent. */
  reset(): void {
    for (const builder of this.#builders) {
      builder.clear()
      builder.lostTicks = 0
    }
    this.#rowsTaken = 0
    this.#cursor.row = 0
    this.#batchBytes = 0
  }

  #takeData(builder: ColumnBuilder, index: number, length: number): Data {
    const type = this.#typeOf(index)
    const dictionary = this.#dictionaries[index]
    if (dictionary === undefined || !DataType.isDictionary(type)) return takeData(builder, type, length)
    const data = builder.takeWords(length)
    return makeData({ type, length, nullCount: 0, data, dictionary: dictionary.take() })
  }

  #typeOf(index: number): DataType {
    const field = this.schema.fields[index]
    if (field === undefined) throw new RangeError(`no column ${index}`)
    return field.type
  }

  /** Small results stay small; a second full batch is allocated at once. */
  #grow(): void {
    const { batchRows } = this.#settings
    const rows = this.#rowsTaken > 0 ? batchRows : Math.max(FIRST_ROWS, this.#capacity * 4)
    this.#capacity = Math.min(rows, batchRows)
    for (const builder of this.#builders) builder.reserveRows(this.#capacity, this.#cursor.row)
  }
}

function takeData(builder: ColumnBuilder, type: DataType, length: number): Data {
  const nullCount = builder.countNulls(length)
  const validity = nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: builder.takeValidity(length) }
  if (builder.isText) {
    const valueOffsets = builder.takeOffsets(length)
    return makeData({ type: type as Utf8, length, ...validity, valueOffsets, data: builder.takeText() })
  }
  if (builder.kind === KIND.bool) {
    return makeData({ type: type as Bool, length, ...validity, data: builder.takeBits(length) })
  }
  const words = builder.takeWords(length)
  const data = new type.ArrayType(words.buffer, words.byteOffset, words.byteLength / type.ArrayType.BYTES_PER_ELEMENT)
  // makeData has one overload per type; Int64 stands for all types that are nothing but a validity bitmap and values.
  return makeData({ type: type as Int64, length, ...validity, data: data as BigInt64Array })
}
