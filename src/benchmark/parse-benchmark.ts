import { KustoUsageError } from '../errors.ts'
import type { BenchmarkResult } from './benchmark-result.ts'
import { benchmarkFault } from './benchmark-shape.ts'

/**
 * A stored result, as text or as what its JSON holds.
 * @throws {KustoUsageError} KUSTO_BAD_BENCHMARK when it is none, or of another version, naming the first field that is not right
 */
export function parseBenchmark(json: unknown): BenchmarkResult {
  const value: unknown = typeof json === 'string' ? parseText(json) : json
  const fault = benchmarkFault(value)
  if (fault === undefined) return value as BenchmarkResult
  const { path, expected, found } = fault
  const where = path === '' ? '' : ` with ${path}`
  throw bad(`expected the result of a benchmark${where}: ${expected}, found ${shown(found)}`)
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw bad('expected the result of a benchmark, found text that is no JSON', cause)
  }
}

function shown(value: unknown): string {
  if (value === undefined) return 'none'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value).slice(0, 80)
}

function bad(message: string, cause?: unknown): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_BENCHMARK', message, cause === undefined ? {} : { cause })
}
