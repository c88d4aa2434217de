import { describe, expect, it } from 'vitest'
import { TagWatch, tagBudget } from '../../src/streaming/tag-budget.ts'
import { batchTag } from '../../src/streaming/wal-records.ts'

const DAY_MS = 86_400_000
const stream = { stream: 'default', incarnation: 'abcdefgh' }

describe('streaming:C34 the tags of a table', () => {
  it('fit for a batch a minute, and not for one every two seconds', () => {
    expect(tagBudget({ batchesPerDay: 1440 })).toEqual({
      tags: 10_080,
      characters: 322_560,
      limitCharacters: 1_000_000,
      fits: true,
    })
    expect(tagBudget({ batchesPerDay: 43_200 }).fits).toBe(false)
    expect(tagBudget({ batchesPerDay: 1440, streams: 2 }).fits).toBe(false)
    expect(tagBudget({ batchesPerDay: 1440, retentionDays: 14 }).fits).toBe(false)
    expect(() => tagBudget({ batchesPerDay: 0 })).toThrow(/batchesPerDay/)
  })

  it('are as long as is counted with', () => {
    expect(`ingest-by:${batchTag(stream, 36 ** 5 - 1)}`).toHaveLength(32)
  })

  it('streaming:T34 are warned of once, long before the limit', () => {
    const watch = new TagWatch(7 * DAY_MS)
    const told: { readonly atMs: number; readonly sequence: number; readonly batchesPerDay: number }[] = []
    for (let sequence = 0, atMs = 0; atMs < 2 * DAY_MS; sequence++, atMs += 5_000) {
      const exceeded = watch.add(batchTag(stream, sequence), atMs)
      if (exceeded !== undefined) told.push({ atMs, sequence, batchesPerDay: exceeded.batchesPerDay })
    }
    expect(told).toEqual([{ atMs: 300_000, sequence: 60, batchesPerDay: 17_280 }])
    expect(60 * 32).toBeLessThan(1_000_000)
  })

  it('streaming:T34 are not warned of when they fit, or when a few batches come at once', () => {
    const slow = new TagWatch(7 * DAY_MS)
    for (let minute = 0; minute < 20_000; minute++)
      expect(slow.add(batchTag(stream, minute), minute * 60_000)).toBe(undefined)
    const burst = new TagWatch(7 * DAY_MS)
    for (let sequence = 0; sequence < 100; sequence++)
      expect(burst.add(batchTag(stream, sequence), sequence)).toBe(undefined)
  })
})
