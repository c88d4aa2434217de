import { KustoUsageError } from '../errors.ts'
import type { BenchmarkResult } from './benchmark-result.ts'

/**
 * A stored result, as text or as what its JSON holds. Its head is checked, and that the lists are lists.
 * @throws {KustoUsageError} KUSTO_BAD_BENCHMARK when it is none, or of another version
 */
export function parseBenchmark(json: unknown): BenchmarkResult {
  const value: unknown = typeof json === 'string' ? parseText(json) : json
  if (typeof value !== 'object' || value === null) throw bad(`an object, found ${typeof value}`)
  const fields = value as Readonly<Record<string, unknown>>
  if (fields['kind'] !== 'kusto-arrow/benchmark')
    throw bad(`kind kusto-arrow/benchmark, found ${shown(fields['kind'])}`)
  if (fields['version'] !== 1) throw bad(`version 1, found ${shown(fields['version'])}`)
  for (const name of ['phases', 'configurations', 'answers', 'runs', 'summaries']) {
    if (!Array.isArray(fields[name])) throw bad(`a list of ${name}, found ${shown(fields[name])}`)
  }
  for (const name of ['machine', 'service', 'plan', 'recommendation', 'versions']) {
    if (typeof fields[name] !== 'object' || fields[name] === null) throw bad(`${name}, found ${shown(fields[name])}`)
  }
  return value as BenchmarkResult
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new KustoUsageError('KUSTO_BAD_BENCHMARK', 'expected the result of a benchmark, found text that is no JSON', {
      cause,
    })
  }
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value).slice(0, 80)
}

function bad(expected: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_BENCHMARK', `expected the result of a benchmark with ${expected}`)
}
