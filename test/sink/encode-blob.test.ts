import { gunzipSync } from 'node:zlib'
import { Int32, type RecordBatch, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { type BlobEncoding, encodeBlob } from '../../src/sink/encode-blob.ts'

const COLUMNS = [
  { name: 'n "of" it', type: 'int' },
  { name: 's', type: 'string' },
] as const
const encoding: BlobEncoding = { format: 'csv', compression: 'zstd', columns: COLUMNS, hasHeader: false, rowOffset: 0 }
const batchOf = (numbers: readonly number[], texts: readonly string[]): RecordBatch =>
  new Table({ n: vectorFromArray(numbers, new Int32()), s: vectorFromArray(texts, new Utf8()) }).batches[0]!

async function encoded(
  batches: readonly RecordBatch[],
  options: Partial<BlobEncoding> = {},
): Promise<{ bytes: Buffer; measures: object; extension: string }> {
  const { chunks, measured, extension } = encodeBlob(
    { schema: batches[0]!.schema, batches },
    { ...encoding, ...options },
  )
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return { bytes: Buffer.concat(parts), measures: measured(), extension }
}

describe('encodeBlob', () => {
  it("begins CSV with the columns' names when asked to, and counts that as raw bytes but not as a row", async () => {
    const { bytes, measures, extension } = await encoded([batchOf([1, 2], ['a', 'b,c'])], { hasHeader: true })
    const text = gunzipSync(bytes).toString()
    expect(text.split('\n')[0]).toBe('"n ""of"" it","s"')
    expect(text.split('\n').slice(1)).toEqual(['1,a', '2,"b,c"', ''])
    expect(measures).toEqual({ rows: 2, rawBytes: text.length, oversizeCells: 0, cutTimes: 0 })
    expect(extension).toBe('csv.gz')
  })

  it('writes records longer than the text that is made at once, and all that come between', async () => {
    const long = 'x'.repeat(5 * 1024 * 1024)
    const short = 'y'.repeat(1024 * 1024)
    const texts = [short, short, long, short, short, short, short, long, 'end']
    const batch = batchOf(
      texts.map((_, row) => row),
      texts,
    )
    const { bytes, measures } = await encoded([batch.slice(0, 3), batch.slice(3)])
    const records = gunzipSync(bytes).toString().trimEnd().split('\n')
    expect(records.map((record) => record.length)).toEqual(texts.map((text) => text.length + 2))
    expect(records.map((record) => record[0])).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8'])
    expect(measures).toMatchObject({ rows: 9, oversizeCells: 2 })
  })

  it('names the row of the whole write for a record that the service would not take', async () => {
    // Quotes are doubled, so that these 40 MiB become 80.
    const quotes = '"'.repeat(40 * 1024 * 1024)
    const writing = encoded([batchOf([1], ['a']), batchOf([2, 3], ['b', quotes])], { rowOffset: 10 })
    await expect(writing).rejects.toMatchObject({ code: 'KUSTO_RECORD_TOO_LARGE', row: 12 })
  })

  it('gives a Parquet blob its own extension', async () => {
    const { bytes, measures, extension } = await encoded([batchOf([1, 2], ['a', 'b'])], { format: 'parquet' })
    expect(bytes.subarray(0, 4).toString()).toBe('PAR1')
    expect([extension, measures]).toMatchObject(['parquet', { rows: 2 }])
  })
})
