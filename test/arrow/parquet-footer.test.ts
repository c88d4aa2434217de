import { Field, Int32, Schema, tableFromArrays, Utf8 } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { openParquet } from '../../src/arrow/parquet-decode.ts'
import { encodeParquet } from '../../src/arrow/parquet-encode.ts'
import { footerRows } from '../../src/arrow/parquet-footer.ts'

describe('footerRows', () => {
  it.each([0, 1, 127, 128, 70_000])(
    'counts %s rows as the decoder does, from the end of the file alone',
    async (rows) => {
      const batch = tableFromArrays({ n: Int32Array.from({ length: rows }, (_, row) => row) }).batches[0]!
      const { bytes } = await encodeParquet(batch.schema, [batch], { rowGroupRows: 1000 })
      expect(footerRows(bytes)).toBe(rows)
      const file = await openParquet(new Uint8Array(bytes))
      expect(file.rows).toBe(rows)
      file.close()
      const length = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8).getUint32(0, true)
      expect(footerRows(bytes.subarray(-length - 8))).toBe(rows)
      expect(() => footerRows(bytes.subarray(-length - 7))).toThrow(/whole footer/)
    },
  )

  it('skips a schema of hundreds of columns', async () => {
    const fields = Array.from(
      { length: 300 },
      (_, i) => new Field(`column ${i}`, i % 2 ? new Int32() : new Utf8(), true),
    )
    expect(footerRows((await encodeParquet(new Schema(fields), [])).bytes)).toBe(0)
  })

  it('refuses bytes that do not end as Parquet does', () => {
    expect(() => footerRows(new Uint8Array(0))).toThrow(/whole footer/)
    expect(() => footerRows(new TextEncoder().encode('not a file'))).toThrow(/PAR1/)
    expect(() => footerRows(Uint8Array.of(0, 1, 0, 0, 0, 0x50, 0x41, 0x52, 0x31))).toThrow(/row count/)
  })
})
