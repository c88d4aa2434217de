import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { fuzzCase, fuzzSeeds, type FuzzTotals } from './response-fuzz.ts'

/** `npm run fuzz -- --count 1000000` reads as many as one likes. */
const CASES = 5000

it('reads a damaged body as JSON.parse does, or refuses it', () => {
  const seeds = fuzzSeeds(fileURLToPath(new URL('../../fixtures/responses', import.meta.url)))
  const totals: FuzzTotals = { cases: 0, refused: 0, compared: 0, passedOver: 0, rows: 0, slowestMs: 0 }
  for (let index = 0; index < CASES; index++) {
    try {
      fuzzCase(seeds, 1, index, totals)
    } catch (cause) {
      throw new Error(`case ${index} of run 1: ${String(cause)}`, { cause })
    }
  }
  expect(totals.cases).toBe(CASES)
  // The damage must be neither so hard that all is refused nor so mild that nothing is.
  expect(totals.compared).toBeGreaterThan(CASES / 20)
  expect(totals.refused).toBeGreaterThan(CASES / 5)
})
