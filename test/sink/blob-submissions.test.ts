import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLOB_TAG_PREFIX, blobSubmissions } from '../../src/sink/blob-submissions.ts'
import type { StagedBlob } from '../../src/sink/ingestion-service.ts'

const blob = (n: number): StagedBlob => ({ sourceId: `source ${n}` }) as unknown as StagedBlob
const PROPERTIES = Object.freeze({
  format: 'csv',
  flushImmediately: false,
  tags: Object.freeze(['drop-by:d']),
  ingestIfNotExists: Object.freeze(['mine']),
})

describe('blobSubmissions', () => {
  it('leaves blobs together that are treated alike', () => {
    const submit = blobSubmissions(PROPERTIES, { deduplicateBlobs: false, flushFullBlobs: false })
    const blobs = [0, 1, 2].map(blob)
    expect(submit(blobs, { isLast: true })).toEqual([{ blobs, properties: PROPERTIES }])
    expect(submit([], { isLast: true })).toEqual([])
  })

  it('flushes all but the last', () => {
    const submit = blobSubmissions(PROPERTIES, { deduplicateBlobs: false, flushFullBlobs: true })
    const flushes = (blobs: readonly StagedBlob[], isLast: boolean): unknown =>
      submit(blobs, { isLast }).map(({ blobs: those, properties }) => [those.length, properties.flushImmediately])
    expect(flushes([0, 1].map(blob), false)).toEqual([[2, true]])
    expect(flushes([2, 3, 4].map(blob), true)).toEqual([
      [2, true],
      [1, false],
    ])
  })

  it('numbers blobs over all calls, beside the tags of the write, and touches nothing that was given', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }), (sizes) => {
        const submit = blobSubmissions(PROPERTIES, { deduplicateBlobs: 'july', flushFullBlobs: false })
        let next = 0
        const seen = sizes.flatMap((size) =>
          submit(
            Array.from({ length: size }, () => blob(next++)),
            { isLast: false },
          ),
        )
        expect(seen.map(({ blobs }) => blobs.map(({ sourceId }) => sourceId))).toEqual(
          Array.from({ length: next }, (_, n) => [`source ${n}`]),
        )
        expect(seen.map(({ properties }) => [properties.tags, properties.ingestIfNotExists])).toEqual(
          Array.from({ length: next }, (_, n) => [
            ['drop-by:d', `ingest-by:${BLOB_TAG_PREFIX}july:${n}`],
            ['mine', `${BLOB_TAG_PREFIX}july:${n}`],
          ]),
        )
        expect([PROPERTIES.tags, PROPERTIES.ingestIfNotExists]).toEqual([['drop-by:d'], ['mine']])
      }),
    )
  })

  it('takes another random name for each write', () => {
    const tagOf = (): unknown =>
      blobSubmissions(PROPERTIES, { deduplicateBlobs: true, flushFullBlobs: false })([blob(0)], { isLast: true })[0]
        ?.properties.ingestIfNotExists?.[1]
    expect(tagOf()).toMatch(/^kusto-arrow-blob:[0-9a-f-]{36}:0$/)
    expect(tagOf()).not.toBe(tagOf())
  })
})
