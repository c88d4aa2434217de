import type { BenchmarkEnd, RunOutcome } from './benchmark-result.ts'

/** What a benchmark reports while it runs. */
export type BenchmarkEvent =
  | {
      readonly kind: 'run-started'
      readonly label: string
      readonly round: number
      /** 1-based place among all runs that are planned. */
      readonly index: number
      readonly total: number
    }
  | {
      readonly kind: 'run-finished'
      readonly label: string
      readonly round: number
      readonly outcome: RunOutcome
      readonly index: number
      readonly total: number
      readonly rows: number
      readonly bytes: number
      readonly seconds: number
      /** Why a run failed. */
      readonly error?: string
    }
  /** No further run begins. */
  | { readonly kind: 'benchmark-ended'; readonly end: BenchmarkEnd }

export type OnBenchmarkEvent = (event: BenchmarkEvent) => void
