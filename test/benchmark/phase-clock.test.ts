import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PhaseClock } from '../../src/benchmark/phase-clock.ts'

const span = fc
  .record({ phase: fc.constantFrom('a', 'b', 'c'), from: fc.nat(50), length: fc.integer({ min: 1, max: 20 }) })
  .map(({ phase, from, length }) => ({ phase, from, to: from + length }))

/** One cell per millisecond: which phases are at work. */
function active(spans: readonly { phase: string; from: number; to: number }[], at: number): readonly string[] {
  return [...new Set(spans.filter(({ from, to }) => at >= from && at < to).map(({ phase }) => phase))]
}

describe('PhaseClock', () => {
  it('counts time with several spans of a phase once, and divides time of several phases evenly', () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 12 }), (spans) => {
        const clock = new PhaseClock(['a', 'b', 'c'])
        for (const { phase, from, to } of spans) clock.span(phase, from, to)
        const samples = clock.samples([])
        const moments = Array.from({ length: 80 }, (_, at) => active(spans, at))
        for (const phase of ['a', 'b', 'c']) {
          const busy = moments.filter((phases) => phases.includes(phase))
          expect(samples[phase]?.seconds).toBeCloseTo(busy.length / 1000, 9)
          const shared = busy.reduce((sum, phases) => sum + 1 / phases.length, 0)
          expect(samples[phase]?.sharedSeconds).toBeCloseTo(shared / 1000, 9)
        }
      }),
    )
  })

  it('adds turns, counts, and the peak of memory while the phase was at work', () => {
    const clock = new PhaseClock(['a', 'b'])
    clock.turns('a', 30, { from: 0, to: 100 })
    clock.turns('b', 70, { from: 0, to: 100 })
    clock.count('a', { rows: 2, bytes: 10 })
    clock.count('a', { rows: 3, requests: 1, blobs: 4 })
    const memory = [
      { at: 50, bytes: 7 },
      { at: 60, bytes: 9 },
      { at: 101, bytes: 99 },
    ]
    const { a, b } = clock.samples(memory)
    expect(a).toEqual({
      seconds: 0.03,
      sharedSeconds: 0.03,
      rows: 5,
      bytes: 10,
      blobs: 4,
      requests: 1,
      peakMemoryBytes: 9,
    })
    expect(b?.seconds).toBe(0.07)
  })
})
