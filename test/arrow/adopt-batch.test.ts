import { Field, Int32, LargeList, RecordBatch, Schema, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adoptBatch } from '../../src/arrow/adopt-batch.ts'
import { readBatches } from '../../src/arrow/batches.ts'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { encodeParquet } from '../../src/arrow/parquet-encode.ts'
import { batchOf, COLUMN_CASES } from './any-columns.ts'
import { nestedBatch } from './nested-columns.ts'
import { foreign } from './foreign-arrow.ts'

const foreignTable = (): Table =>
  new foreign.Table({
    n: foreign.vectorFromArray([1, null, 3], new foreign.Int32()),
    text: foreign.vectorFromArray(['a', 'b', 'a'], new foreign.Dictionary(new foreign.Utf8(), new foreign.Int32())),
    list: foreign.vectorFromArray(
      [[1], null, [2, 3]],
      new foreign.List(new foreign.Field('item', new foreign.Int32(), true)),
    ),
    at: foreign.vectorFromArray([new Date(0), null, new Date(1)], new foreign.TimestampMillisecond('UTC')),
  })

describe('data of another copy of apache-arrow', () => {
  it('is really of another copy here', () => {
    expect(foreignTable().constructor).not.toBe(Table)
    expect(foreignTable().batches[0]!.constructor).not.toBe(RecordBatch)
  })

  it('is written with the same values', async () => {
    const { schema, batches } = await readBatches(foreignTable())
    expect(schema.constructor).toBe(Schema)
    for await (const batch of batches) {
      expect(batch.constructor).toBe(RecordBatch)
      expect(Buffer.from(encodeCsv(batch).bytes).toString().trimEnd().split('\n')).toEqual([
        '1,a,"[1]",1970-01-01T00:00:00.0000000Z',
        ',b,,',
        '3,a,"[2,3]",1970-01-01T00:00:00.0010000Z',
      ])
      expect((await encodeParquet(schema, [batch])).rows).toBe(3)
    }
  })

  it('is written whatever its Arrow types are', () => {
    const check = (batch: RecordBatch): void => {
      const abroad = foreign.tableFromIPC(tableToIPC(new Table([batch]))).batches[0] as RecordBatch
      const adopted = adoptBatch(abroad)
      expect(adopted.constructor).toBe(RecordBatch)
      expect(Buffer.from(encodeCsv(adopted).bytes)).toEqual(Buffer.from(encodeCsv(batch).bytes))
    }
    check(nestedBatch(20))
    const lists = new LargeList(new Field('item', new Int32(), true))
    check(new Table({ lists: vectorFromArray([[1], null, [], [2, 3]], lists) }).batches[0]!)
    for (const { name, type, metadata, value, build } of COLUMN_CASES) {
      const values = fc.sample(fc.option(value), 20)
      check(batchOf([new Field(name, type, true, new Map(metadata))], [build(values)], values.length))
    }
  })
})
