import {
  Dictionary,
  Field,
  FixedSizeList,
  Float64,
  Int16,
  Int32,
  List,
  Map_,
  type RecordBatch,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'

/** Lists, structs, maps and dictionaries, one in the other, with nulls at every level. */
export function nestedBatch(rows: number): RecordBatch {
  const each = <T>(make: (row: number) => T): (T | null)[] =>
    Array.from({ length: rows }, (_, row) => (row % 7 === 3 ? null : make(row)))
  const words = new Dictionary(new Utf8(), new Int16())
  const text = new List(new Field('item', new Utf8(), true))
  const pair = new Struct<{ a: Int32; b: typeof text }>([new Field('a', new Int32(), true), new Field('b', text, true)])
  const table = new Table({
    list: vectorFromArray(
      each((row) => Array.from({ length: row % 5 }, (_, i) => (i === 2 ? null : row * i))),
      new List(new Field('item', new Int32(), true)),
    ),
    struct: vectorFromArray(
      each((row) => ({ a: row % 3 === 0 ? null : row, b: row % 4 === 0 ? null : [`x${row}`, null, 'é"'] })),
      pair,
    ),
    fixed: vectorFromArray(
      each((row) => [row / 2, row / 3]),
      new FixedSizeList(2, new Field('item', new Float64(), true)),
    ),
    map: vectorFromArray(
      each((row) => new Map([[`k${row % 10}`, row]])),
      new Map_(
        new Field(
          'entries',
          new Struct<{ key: Utf8; value: Int32 }>([
            new Field('key', new Utf8(), false),
            new Field('value', new Int32(), true),
          ]),
          false,
        ),
      ),
    ),
    word: vectorFromArray(
      each((row) => `word ${row % 11}`),
      words,
    ),
    id: vectorFromArray(
      each((row) => row),
      new Int32(),
    ),
  })
  return table.batches[0]!
}
