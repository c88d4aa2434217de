import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compareBenchmarks } from '../../src/benchmark/compare-benchmarks.ts'
import { parseBenchmark } from '../../src/benchmark/parse-benchmark.ts'
import { around, resultOf } from './made-up-result.ts'

const TEXT = JSON.stringify(resultOf([around(1), around(2)]))
const whole = (): unknown => JSON.parse(TEXT)

/** Every place in a value: the keys that lead to it. */
function* places(value: unknown, keys: readonly string[] = []): Generator<readonly string[]> {
  if (keys.length > 0) yield keys
  if (typeof value !== 'object' || value === null) return
  for (const [key, item] of Object.entries(value)) yield* places(item, [...keys, key])
}

function put(target: unknown, [key = '', ...rest]: readonly string[], value: unknown): void {
  const object = target as Record<string, unknown>
  if (rest.length > 0) put(object[key], rest, value)
  else object[key] = value
}

describe('parseBenchmark', () => {
  it('takes a result, also one with fields that it does not know', () => {
    const result = whole()
    put(result, ['more'], 1)
    put(result, ['runs', '0', 'more'], null)
    expect(parseBenchmark(JSON.stringify(result))).toEqual(result)
  })

  it('takes what this repository has stored', () => {
    const folder = new URL('../../bench/results/', import.meta.url)
    const stored = readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .filter((text) => text.includes('"kusto-arrow/benchmark"'))
    for (const text of stored) expect(() => parseBenchmark(text)).not.toThrow()
  })

  it('refuses null in any place, naming it', () => {
    for (const keys of places(whole())) {
      const broken = whole()
      put(broken, keys, null)
      expect(() => parseBenchmark(broken), keys.join('.')).toThrow(
        expect.objectContaining({
          code: 'KUSTO_BAD_BENCHMARK',
          message: expect.stringContaining(keys.at(-1)?.replace(/^\d+$/, '[$&]') ?? ''),
        }),
      )
    }
  })

  it('refuses a list of numbers where runs should be', () => {
    const broken = whole()
    put(broken, ['runs'], [1, null])
    expect(() => compareBenchmarks(whole(), broken)).toThrow(
      'expected the result of a benchmark with runs[0]: an object, found 1',
    )
  })

  it.each([[null], [7], ['text'], [[]], [{}], [undefined]])('refuses %j', (value) => {
    expect(() => parseBenchmark(value)).toThrow(expect.objectContaining({ code: 'KUSTO_BAD_BENCHMARK' }))
  })
})
