import {
  type Data,
  type Dictionary,
  type RecordBatch,
  RecordBatchFileWriter,
  type Schema,
  Table,
  tableFromIPC,
  tableToIPC,
  Type,
  Utf8,
} from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { castBatch } from '../../src/arrow/cast-batch.ts'
import { columnsOfFewTexts, SharedDictionaries } from '../../src/arrow/dictionary-columns.ts'
import { arrowSchema, typeSettings } from '../../src/arrow/scalar-types.ts'
import { KustoUsageError } from '../../src/errors.ts'
import { readResponse, type ResponseOptions } from '../../src/protocol/read-response.ts'

type Rows = readonly (readonly [string | null, number])[]

function body(rows: Rows): Buffer {
  const columns = '[{"ColumnName":"s","ColumnType":"string"},{"ColumnName":"n","ColumnType":"int"}]'
  return Buffer.from(
    `[{"FrameType":"DataSetHeader","Version":"v2.0"},{"FrameType":"DataTable","TableId":1,"TableKind":"PrimaryResult",` +
      `"TableName":"T","Columns":${columns},"Rows":${JSON.stringify(rows)}},{"FrameType":"DataSetCompletion","HasErrors":false}]`,
  )
}

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

async function read(bytes: Uint8Array, size: number, options: ResponseOptions = {}): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = []
  for await (const event of readResponse(pieces(bytes, size), { types: { dictionary: ['s'] }, ...options })) {
    if (event.kind === 'batch') batches.push(event.batch)
  }
  return batches
}

const texts = (table: Table): unknown[] => [...(table.getChild('s') ?? [])]
const dictionaryOf = (batch: RecordBatch): unknown[] => [...(batch.data.children[0]?.dictionary ?? [])]

const TEXT = fc.oneof(
  fc.constantFrom('', 'a', 'ab', 'ba', 'line\n"two"', 'Zürich', '\u0000'),
  fc.string({ maxLength: 6 }),
  fc.constant(null),
)
const ROWS = fc.array(fc.tuple(TEXT, fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 60 })

describe('a dictionary column', () => {
  it('has the texts of the rows, a null as the empty text, however cut and batched', async () => {
    await fc.assert(
      fc.asyncProperty(
        ROWS,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        async (rows, size, batchRows) => {
          const batches = await read(body(rows), size, { batchRows })
          expect(texts(new Table(batches))).toEqual(rows.map(([text]) => text ?? ''))
          // Each text once, in the order they were met: nothing of a row that was cut and read again.
          const last = batches.at(-1)
          expect(last && dictionaryOf(last)).toEqual([...new Set(rows.map(([text]) => text ?? ''))])
        },
      ),
      { numRuns: 300 },
    )
  })

  it('survives IPC streams and files, where a later batch only adds to the dictionary', async () => {
    const rows: Rows = Array.from({ length: 1000 }, (_, row) => [`text ${Math.floor(row / 7) % 90}`, row])
    const table = new Table(await read(body(rows), 4096, { batchRows: 100 }))
    expect(table.batches).toHaveLength(10)
    const expected = rows.map(([text]) => text)
    expect(texts(table)).toEqual(expected)
    expect(texts(tableFromIPC(tableToIPC(table, 'stream')))).toEqual(expected)
    // The file format allows no dictionary to be replaced: its writer throws on one.
    expect(texts(tableFromIPC(RecordBatchFileWriter.writeAll(table).toUint8Array(true)))).toEqual(expected)
  })

  it('grows past its first room', async () => {
    const rows: Rows = Array.from({ length: 5000 }, (_, row) => [`${row % 2500}`.repeat(1 + (row % 5)), row])
    expect(texts(new Table(await read(body(rows), 1000, { batchRows: 999 })))).toEqual(rows.map(([text]) => text))
  })

  it('says so in the schema, which is the same each time it is made', async () => {
    const columns = [
      { name: 'n', type: 'int' },
      { name: 's', type: 'string' },
    ] as const
    const schema = (): Schema => arrowSchema(columns, typeSettings({ dictionary: ['s'] }))
    const [first, second] = [schema(), schema()]
    expect(String(first.fields[1]!.type)).toBe('Dictionary<Int32, Utf8>')
    expect((first.fields[1]!.type as Dictionary).id).toBe((second.fields[1]!.type as Dictionary).id)
    expect(first.fields[1]!.nullable).toBe(false)
  })

  it('is refused when the name is that of no string column, and without a sample', () => {
    const columns = [{ name: 'n', type: 'int' }] as const
    expect(() => arrowSchema(columns, typeSettings({ dictionary: ['n'] }))).toThrow(KustoUsageError)
    expect(() => arrowSchema(columns, typeSettings({ dictionary: ['x'] }))).toThrow(/"x"/)
    expect(() => arrowSchema(columns, typeSettings({ dictionary: 'auto' }))).toThrow(/sample/)
    expect(() => typeSettings(Object.fromEntries([['dictionary', 'all']]))).toThrow(KustoUsageError)
  })
})

describe('dictionaries made apart', () => {
  const schema = arrowSchema([{ name: 's', type: 'string' }], typeSettings({ dictionary: ['s'] }))
  const plain = (rows: Rows): Promise<RecordBatch[]> => read(body(rows), 4096, { types: {}, batchRows: 5 })

  it('are cast from text and joined into one that grows', async () => {
    await fc.assert(
      fc.asyncProperty(ROWS, async (rows) => {
        const apart = (await plain(rows)).map((batch) => castBatch(batch, schema).batch)
        const shared = new SharedDictionaries()
        const table = new Table(apart.map((batch) => shared.join(batch)))
        const expected = rows.map(([text]) => text ?? '')
        expect(texts(table)).toEqual(expected)
        expect(texts(tableFromIPC(RecordBatchFileWriter.writeAll(table).toUint8Array(true)))).toEqual(expected)
      }),
      { numRuns: 100 },
    )
  })

  it('leaves a batch without dictionary columns alone', async () => {
    const [batch] = await plain([['a', 1]])
    expect(batch && new SharedDictionaries().join(batch)).toBe(batch)
  })
})

describe('a sample', () => {
  const sample = async (rows: Rows): Promise<RecordBatch> => {
    const [batch] = await read(body(rows), 65_536, { types: {} })
    if (batch === undefined) throw new Error('expected rows')
    return batch
  }

  it('names the string columns of few texts, when it is large enough to tell', async () => {
    const rows = (count: number, distinct: number): Rows =>
      Array.from({ length: count }, (_, row) => [`t${row % distinct}`, row])
    expect(columnsOfFewTexts(await sample(rows(200, 20)))).toEqual(['s'])
    expect(columnsOfFewTexts(await sample(rows(200, 21)))).toEqual([])
    expect(columnsOfFewTexts(await sample(rows(99, 2)))).toEqual([])
  })

  it('has plain text columns', async () => {
    const [data] = (await sample([['a', 1]])).data.children
    expect((data as Data<Utf8>).type.typeId).toBe(Type.Utf8)
  })
})
