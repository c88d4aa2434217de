import { expect, it } from 'vitest'
import { watchMemory } from '../../src/benchmark/watch-memory.ts'

it('sees memory that is touched between start and stop, and when it was looked at', () => {
  const watch = watchMemory()
  const touched = new Uint8Array(96 * 1024 * 1024).fill(7)
  watch.look()
  const { peakBytes, samples } = watch.stop()
  expect(touched.at(-1)).toBe(7)
  expect(peakBytes).toBeGreaterThan(watch.startBytes + 80 * 1024 * 1024)
  expect(samples.length).toBeGreaterThanOrEqual(3)
  expect(samples.map(({ at }) => at)).toEqual(samples.map(({ at }) => at).toSorted((a, b) => a - b))
  expect(Math.max(...samples.map(({ bytes }) => bytes))).toBeLessThanOrEqual(peakBytes)
})
