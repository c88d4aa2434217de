import { type RecordBatch, tableFromArrays } from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutBlobs } from '../../src/sink/cut-blobs.ts'
import type { BlobCut } from '../../src/sink/cut-blobs.ts'

async function* from(batches: readonly RecordBatch[]): AsyncGenerator<RecordBatch> {
  yield* batches
}

const batchOf = (start: number, rows: number): RecordBatch =>
  tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => start + i) }).batches[0]!

const collect = async (batches: readonly RecordBatch[], maxBytes: number): Promise<readonly BlobCut[]> => {
  const cuts: BlobCut[] = []
  for await (const cut of cutBlobs(from(batches), maxBytes)) cuts.push(cut)
  return cuts
}

describe('cutBlobs', () => {
  it('keeps every row, in order, whatever the blob size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 12 }),
        fc.integer({ min: 64, max: 5000 }),
        async (sizes, maxBytes) => {
          let start = 0
          const batches = sizes.map((rows) => {
            const batch = batchOf(start, rows)
            start += rows
            return batch
          })
          const cuts = await collect(batches, maxBytes)
          const values = cuts.flatMap((cut) =>
            cut.batches.flatMap((batch) => [...(batch.getChildAt(0)!.toArray() as Int32Array)]),
          )
          expect(values).toEqual(Array.from({ length: start }, (_, i) => i))
          expect(cuts.map((cut) => cut.rowOffset)).toEqual(
            cuts.map((_, i) => cuts.slice(0, i).reduce((sum, cut) => sum + cut.rows, 0)),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  it('splits a batch that is larger than a blob', async () => {
    const cuts = await collect([batchOf(0, 10_000)], 4096)
    expect(cuts.length).toBeGreaterThan(8)
    expect(Math.max(...cuts.map((cut) => cut.arrowBytes))).toBeLessThanOrEqual(4600)
  })

  it('makes no blob when there are no rows', async () => {
    expect(await collect([batchOf(0, 1).slice(0, 0)], 4096)).toEqual([])
  })
})
