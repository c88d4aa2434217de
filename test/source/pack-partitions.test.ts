import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packPartitions } from '../../src/source/pack-partitions.ts'

const blob = fc.record({ url: fc.uuid(), rows: fc.nat(1000), bytes: fc.nat(10_000) })

describe('packPartitions', () => {
  it('gives every blob to exactly one partition', () => {
    fc.assert(
      fc.property(fc.array(blob, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (blobs, count) => {
        const packed = packPartitions(blobs, count)
        expect(packed).toHaveLength(count)
        expect(
          packed
            .flat()
            .map((b) => blobs.indexOf(b))
            .sort((a, b) => a - b),
        ).toEqual(blobs.map((_, i) => i))
      }),
    )
  })

  it('never makes a partition larger than the average plus one blob', () => {
    fc.assert(
      fc.property(fc.array(blob, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (blobs, count) => {
        const sizes = packPartitions(blobs, count).map((p) => p.reduce((sum, b) => sum + b.bytes, 0))
        const total = blobs.reduce((sum, b) => sum + b.bytes, 0)
        const largest = Math.max(...blobs.map((b) => b.bytes))
        expect(Math.max(...sizes)).toBeLessThanOrEqual(total / count + largest)
      }),
    )
  })

  it('keeps the order of the export inside a partition', () => {
    fc.assert(
      fc.property(fc.array(blob, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (blobs, count) => {
        for (const part of packPartitions(blobs, count)) {
          const order = part.map((b) => blobs.indexOf(b))
          expect(order).toEqual([...order].sort((a, b) => a - b))
        }
      }),
    )
  })
})
