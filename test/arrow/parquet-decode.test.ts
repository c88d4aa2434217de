import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { Field, LargeUtf8, type RecordBatch, Schema, Table, tableToIPC, Type, Utf8View } from 'apache-arrow'
import * as fc from 'fast-check'
import * as parquet from 'parquet-wasm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { kustoColumns } from '../../src/arrow/kusto-columns.ts'
import { parquetVerdict } from '../../src/arrow/parquet-columns.ts'
import { openParquet, type ParquetReadOptions } from '../../src/arrow/parquet-decode.ts'
import { encodeParquet } from '../../src/arrow/parquet-encode.ts'
import { KustoProtocolError } from '../../src/errors.ts'
import { COLUMN_CASES, drawnBatches, oneColumn, spans, views } from './any-columns.ts'

const carried = COLUMN_CASES.filter(({ type, metadata }) => {
  const schema = new Schema([new Field('c', type, true, new Map(metadata))])
  return parquetVerdict(kustoColumns(schema), schema.fields).ok
})

async function decoded(bytes: Uint8Array, options?: ParquetReadOptions): Promise<RecordBatch[]> {
  const file = await openParquet(new Uint8Array(bytes))
  const batches: RecordBatch[] = []
  for await (const batch of file.batches(options)) batches.push(batch)
  file.close()
  return batches
}

describe('openParquet', () => {
  let connection: DuckDBConnection
  let folder: string
  let files = 0
  const copied = async (select: string, options = ''): Promise<Uint8Array> => {
    const path = join(folder, `${++files}.parquet`)
    await connection.run(`copy (${select}) to '${path}' (format parquet ${options})`)
    return readFile(path)
  }
  beforeAll(async () => {
    connection = await (await DuckDBInstance.create()).connect()
    folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-decode-'))
  })
  afterAll(async () => {
    connection.closeSync()
    await rm(folder, { recursive: true })
  })

  it('gives back what encodeParquet was given, as the CSV of both shows', async () => {
    await fc.assert(
      fc.asyncProperty(drawnBatches(carried), async ({ batch }) => {
        const columns = kustoColumns(batch.schema)
        const { bytes } = await encodeParquet(batch.schema, [batch])
        const csv = (found: RecordBatch): string => Buffer.from(encodeCsv(found, { columns }).bytes).toString('latin1')
        expect((await decoded(bytes)).map(csv).join('')).toBe(csv(batch))
      }),
      { numRuns: 100 },
    )
  })

  it('counts rows from the footer and decodes row group by row group in batches of the asked size', async () => {
    const bytes = await copied('select i::int as i from range(10000) t(i)', ', row_group_size 4096')
    const file = await openParquet(new Uint8Array(bytes))
    expect(file.rows).toBe(10_000)
    expect(file.rowGroups.map(({ rows }) => rows)).toEqual([4096, 4096, 1808])
    const sizes: number[] = []
    let sum = 0
    for await (const batch of file.batches({ batchRows: 3000 })) {
      sizes.push(batch.numRows)
      for (const value of batch.getChildAt(0)!) sum += value as number
    }
    file.close()
    expect(sizes).toEqual([3000, 1096, 3000, 1096, 1808])
    expect(sum).toBe((9999 * 10_000) / 2)
  })

  it('decodes only the columns and row groups asked for', async () => {
    const bytes = await copied(
      'select i::int as a, i::varchar as b, 1.5::double as c from range(5000) t(i)',
      ', row_group_size 2048',
    )
    const [batch, ...rest] = await decoded(bytes, { columns: ['a', 'c'], rowGroups: [1] })
    expect(rest).toEqual([])
    expect(batch!.schema.names).toEqual(['a', 'c'])
    expect([batch!.numRows, batch!.getChild('a')!.get(0)]).toEqual([2048, 2048])
  })

  it('delivers text as Utf8 whatever layout the file asks for', async () => {
    const texts = ['a', null, 'x'.repeat(30)]
    for (const data of [spans(new LargeUtf8(), true)(texts), views(new Utf8View())(texts)]) {
      const ipc = tableToIPC(new Table([oneColumn(data)]), 'stream')
      const bytes = parquet.writeParquet(parquet.Table.fromIPCStream(ipc))
      const [batch] = await decoded(bytes)
      expect(batch!.schema.fields[0]!.type.typeId).toBe(Type.Utf8)
      expect([...batch!.getChildAt(0)!]).toEqual(texts)
    }
  })

  it('has a schema and no rows for an empty file', async () => {
    const bytes = await copied('select 1::bigint as a where false')
    const file = await openParquet(new Uint8Array(bytes))
    expect([file.rows, file.schema.names]).toEqual([0, ['a']])
    for await (const batch of file.batches()) expect(batch.numRows).toBe(0)
    file.close()
  })

  it('keeps no memory of the decoder, however many files are read', async () => {
    const bytes = await copied(
      'select i::int as i, i::varchar as s, [i, null] as l from range(5000) t(i)',
      ', row_group_size 2048',
    )
    const memory: number[] = []
    for (let read = 0; read < 200; read++) {
      await decoded(bytes, { columns: ['s', 'l'] })
      memory.push(parquet.wasmMemory().buffer.byteLength)
    }
    expect(memory.at(-1)).toBe(memory[20])
  })

  it('names a truncated or foreign file as such', async () => {
    const bytes = await copied('select 1 as a')
    for (const broken of [
      bytes.subarray(0, bytes.length - 9),
      new Uint8Array(0),
      new TextEncoder().encode('a,b\n1,2\n'),
    ]) {
      const error: unknown = await openParquet(new Uint8Array(broken)).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(KustoProtocolError)
      expect(error).toMatchObject({ code: 'KUSTO_BAD_PARQUET' })
    }
  })
})
