import { type DataType, type RecordBatch, Table } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { isRecordBatch, isTable } from '../../src/arrow/arrow-kinds.ts'
import { type BatchInput, readBatches } from '../../src/arrow/batches.ts'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { foreign } from './foreign-arrow.ts'

/** What versions before 21.2 make of a table: no mark says what it is. */
function unmarked(table: Table): Table {
  for (const each of [table, ...table.batches]) {
    for (const name of ['Table', 'RecordBatch', 'Schema']) {
      Object.defineProperty(each, Symbol.for(`apache-arrow/${name}`), { value: undefined })
    }
  }
  return table
}

/** And up to version 15: 64-bit times in numbers of 32 bits; up to 14 the type's id from its prototype. */
function aged(table: Table): Table {
  for (const { data } of table.batches) {
    for (const column of data.children) {
      const type = column.type as DataType & { typeId?: number }
      const { typeId, ArrayType } = type
      if (ArrayType === BigInt64Array && typeId !== foreign.Type.Int) {
        const { buffer, byteOffset, byteLength } = column.values as BigInt64Array
        Object.assign(column, { values: new Int32Array(buffer, byteOffset, byteLength / 4) })
      }
      Object.setPrototypeOf(type, Object.create(Object.getPrototypeOf(type) as object, { typeId: { value: typeId } }))
      Reflect.deleteProperty(type, 'typeId')
    }
  }
  return table
}

const { vectorFromArray } = foreign
const table = (): Table =>
  unmarked(
    new foreign.Table({
      n: vectorFromArray([1, null, 3], new foreign.Int32()),
      l: vectorFromArray([1n, null, 3n], new foreign.Int64()),
      text: vectorFromArray(['a', 'b', 'a'], new foreign.Dictionary(new foreign.Utf8(), new foreign.Int32())),
      at: vectorFromArray([new Date(0), null, new Date(1_700_000_000_123)], new foreign.TimestampMillisecond('UTC')),
    }),
  )

const LINES = ['1,1,a,1970-01-01T00:00:00.0000000Z', ',,b,', '3,3,a,2023-11-14T22:13:20.1230000Z']
const TYPES = ['Int32', 'Int64', 'Dictionary<Int32, Utf8>', 'Timestamp<MILLISECOND, UTC>']

async function* coming(batches: readonly RecordBatch[]): AsyncGenerator<RecordBatch> {
  yield* batches
}

describe('data of a copy of apache-arrow before version 21.2', () => {
  it('is told from lists of rows', () => {
    const old = table()
    expect(old.constructor).not.toBe(Table)
    expect([isTable(old), isTable(old.batches[0]), isTable([{ schema: 1 }]), isTable(null)]).toEqual([
      true,
      false,
      false,
      false,
    ])
    expect([isRecordBatch(old.batches[0]), isRecordBatch(old), isRecordBatch({ schema: { fields: [] } })]).toEqual([
      true,
      false,
      false,
    ])
  })

  const shapes: readonly (readonly [string, (old: Table) => BatchInput])[] = [
    ['a table', (old) => old],
    ['a batch', (old) => old.batches[0]!],
    ['a list of tables', (old) => [old]],
    ['a list of batches', (old) => old.batches],
    ['a stream of batches', (old) => coming(old.batches)],
  ]
  it.each(shapes)('keeps its types and values: %s', async (_name, shapeOf) => {
    for (const old of [table(), aged(table())]) {
      const { schema, batches, isInferred } = await readBatches(shapeOf(old))
      expect(isInferred).toBe(false)
      expect(schema.fields.map(({ type }) => String(type))).toEqual(TYPES)
      const lines: string[] = []
      for await (const batch of batches) {
        lines.push(...Buffer.from(encodeCsv(batch).bytes).toString().trimEnd().split('\n'))
      }
      expect(lines).toEqual(LINES)
    }
  })

  it('keeps the rows of a slice whose 32-bit numbers begin anywhere', async () => {
    const [batch] = aged(table()).batches
    const at = batch!.data.children[3]!
    const moved = new Int32Array(at.values.length + 1)
    moved.set(at.values as Int32Array, 1)
    Object.assign(at, { values: moved.subarray(1) })
    const { batches } = await readBatches(unmarked(new foreign.Table([batch!])))
    for await (const each of batches) {
      expect(Buffer.from(encodeCsv(each).bytes).toString().trimEnd().split('\n')).toEqual(LINES)
    }
  })
})
