import { badOption, wholeNumber } from '../base/check-options.ts'
import type { BenchmarkPlan } from './benchmark-result.ts'
import type { OnBenchmarkEvent } from './benchmark-events.ts'

/** Choices of every benchmark. */
export interface BenchmarkOptions {
  /** How often each configuration is measured. Default 5; fewer than 3 never decide anything. */
  readonly repetitions?: number
  /** Runs before the clock counts: of each mode, or of each format. Default 1; 0 for none. */
  readonly warmups?: number
  /** Of the random order and of the intervals. Default 1. */
  readonly seed?: number
  /** No run goes on after so many seconds; what was measured until then counts. Default 120. */
  readonly maxSeconds?: number
  /** Rows of all runs together. Default 1,000,000,000. */
  readonly maxRows?: number
  /** Bytes moved by all runs together. Default 64 GiB. */
  readonly maxBytes?: number
  /** Ends the benchmark; what was measured until then is the result. */
  readonly signal?: AbortSignal
  readonly onEvent?: OnBenchmarkEvent
}

export interface BenchmarkSettings extends BenchmarkPlan {
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnBenchmarkEvent
}

export const BENCHMARK_NAMES: readonly (keyof BenchmarkOptions)[] = [
  'repetitions',
  'warmups',
  'seed',
  'maxSeconds',
  'maxRows',
  'maxBytes',
  'signal',
  'onEvent',
]

/** @throws {KustoUsageError} KUSTO_BAD_OPTION for a value out of range */
export function benchmarkSettings(options: BenchmarkOptions): BenchmarkSettings {
  const warmups = options.warmups ?? 1
  const seed = options.seed ?? 1
  if (warmups !== 0) wholeNumber('warmups', warmups, 100)
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw badOption(`expected seed to be a whole number from 0 to 4294967295, found ${String(seed)}`)
  }
  return {
    repetitions: wholeNumber('repetitions', options.repetitions ?? 5, 1_000),
    warmups,
    seed,
    maxSeconds: wholeNumber('maxSeconds', options.maxSeconds ?? 120, 2_147_483),
    maxRows: wholeNumber('maxRows', options.maxRows ?? 1_000_000_000, Number.MAX_SAFE_INTEGER),
    maxBytes: wholeNumber('maxBytes', options.maxBytes ?? 68_719_476_736, Number.MAX_SAFE_INTEGER),
    signal: options.signal,
    onEvent: options.onEvent ?? (() => undefined),
  }
}
