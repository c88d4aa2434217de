import {
  type Data,
  DataType,
  type Dictionary,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  Utf8,
  Vector,
} from 'apache-arrow'
import { ColumnBuilder } from './kernels/column-builder.ts'
import { internBytes } from './kernels/read-dictionary.ts'
import { DEFAULT_TYPE_SETTINGS } from './scalar-types.ts'

/**
 * The Arrow dictionary of one column as it grows. Each answer has the chunks of the one before and at most one more, so
 * that batches of one result make one stream of IPC: a first dictionary and then what was added.
 */
export class GrowingDictionary {
  readonly #column: ColumnBuilder
  #taken = 0
  #vector: Vector<Utf8> | undefined

  constructor(column: ColumnBuilder) {
    this.#column = column
  }

  /** The dictionary with all texts so far. */
  take(): Vector<Utf8> {
    const { entries, entryCount } = this.#column
    if (entries === null) throw new RangeError('expected a dictionary column')
    const before = this.#vector
    if (before !== undefined && entryCount === this.#taken) return before
    const from = entries.offsets[this.#taken] ?? 0
    const to = entries.offsets[entryCount] ?? 0
    const valueOffsets = entries.offsets.slice(this.#taken, entryCount + 1).map((offset) => offset - from)
    const length = entryCount - this.#taken
    const chunk = makeData({
      type: new Utf8(),
      length,
      nullCount: 0,
      valueOffsets,
      data: entries.bytes.slice(from, to),
    })
    const vector = new Vector([...(before?.data ?? []), chunk])
    this.#vector = vector
    this.#taken = entryCount
    return vector
  }
}

/** One column's texts turned into numbers of a dictionary that all its batches share. */
class DictionaryColumn {
  readonly #column = new ColumnBuilder('string', DEFAULT_TYPE_SETTINGS, 0, 'dictionary')
  readonly #dictionary = new GrowingDictionary(this.#column)

  /** Encodes a Utf8 column; a null becomes the empty text, because a Kusto string has no null. */
  encode(text: Data<Utf8>, type: Dictionary): Data {
    const { length } = text
    const data = new Int32Array(length)
    const { valueOffsets, values } = text
    for (let row = 0; row < length; row++) {
      const from = valueOffsets[row] ?? 0
      const to = text.getValid(row) ? (valueOffsets[row + 1] ?? 0) : from
      data[row] = internBytes(this.#column, values, from, to)
    }
    return makeData({ type, length, nullCount: 0, data, dictionary: this.#dictionary.take() } as never)
  }

  /** Gives the values of an encoded column the numbers of this dictionary; each of its texts is looked up once. */
  renumber(encoded: Data<Dictionary>): Data {
    const { length, type } = encoded
    const numbers = numbersOf(this.#column, encoded.dictionary?.data ?? [])
    const values: ArrayLike<number> = encoded.values
    const data = new Int32Array(length)
    for (let row = 0; row < length; row++) data[row] = numbers[values[row] ?? 0] ?? 0
    return makeData({ type, length, nullCount: 0, data, dictionary: this.#dictionary.take() } as never)
  }
}

/** Encodes a column of its own; see {@link SharedDictionaries} for joining the batches of a result. */
export function encodeDictionary(text: Data<Utf8>, type: Dictionary): Data {
  return new DictionaryColumn().encode(text, type)
}

/** The batch in `schema`, which differs in that some text columns are dictionaries; the batch itself when none is. */
export function withDictionaries(batch: RecordBatch, schema: Schema): RecordBatch {
  if (!schema.fields.some(({ type }) => DataType.isDictionary(type))) return batch
  const children = schema.fields.flatMap(({ type }, index): Data[] => {
    const data = batch.data.children[index]
    if (data === undefined) return []
    return [DataType.isDictionary(type) ? encodeDictionary(data as Data<Utf8>, type) : data]
  })
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: batch.numRows, nullCount: 0, children }),
  )
}

/**
 * Joins batches whose dictionary columns were encoded apart, in other threads for example: all batches given back share
 * one growing dictionary per column, as those of one streamed result do. One instance serves one result, in order.
 */
export class SharedDictionaries {
  readonly #columns = new Map<number, DictionaryColumn>()

  /** The batch with its dictionary columns renumbered; the batch itself when it has none. */
  join(batch: RecordBatch): RecordBatch {
    if (!batch.schema.fields.some(({ type }) => DataType.isDictionary(type))) return batch
    const children = batch.data.children.map((data, index) => {
      if (!DataType.isDictionary(data.type)) return data
      const column = this.#columns.get(index) ?? new DictionaryColumn()
      this.#columns.set(index, column)
      return column.renumber(data as Data<Dictionary>)
    })
    const type = new Struct(batch.schema.fields)
    return new RecordBatch(batch.schema, makeData({ type, length: batch.numRows, nullCount: 0, children }))
  }
}

/** Most distinct texts of a column in a sample that `auto` encodes, as a share of its rows. */
const FEW = 0.1

/**
 * The names of the string columns of a sample that have few distinct texts, at most a tenth of its rows: what
 * `dictionary: 'auto'` stands for. A sample of fewer than 100 rows tells nothing.
 */
export function columnsOfFewTexts(sample: RecordBatch): readonly string[] {
  if (sample.numRows < 100) return []
  return sample.schema.fields.flatMap((field, index): string[] => {
    const data = sample.data.children[index]
    if (field.metadata.get('kusto:type') !== 'string' || data === undefined || !DataType.isUtf8(data.type)) return []
    const column = new ColumnBuilder('string', DEFAULT_TYPE_SETTINGS, 0, 'dictionary')
    numbersOf(column, [data as Data<Utf8>])
    return column.entryCount <= sample.numRows * FEW ? [field.name] : []
  })
}

function numbersOf(column: ColumnBuilder, texts: readonly Data<Utf8>[]): readonly number[] {
  const numbers: number[] = []
  for (const { length, valueOffsets, values } of texts) {
    for (let row = 0; row < length; row++) {
      numbers.push(internBytes(column, values, valueOffsets[row] ?? 0, valueOffsets[row + 1] ?? 0))
    }
  }
  return numbers
}
