import type { BenchmarkMachine } from './machine.ts'
import type { PhaseSample } from './phase-clock.ts'
import type { Recommendation } from './recommend.ts'
import type { ConfigurationSummary } from './summarize-runs.ts'

export type BenchmarkSubject = 'export' | 'write'

/** Why a benchmark ended: all was measured, a cap was reached, or the signal was aborted. */
export type BenchmarkEnd = 'complete' | 'time' | 'rows' | 'bytes' | 'aborted'

/** One point of a sweep. */
export interface BenchmarkConfiguration {
  /** `c1`, `c2` ... in the order of the sweep. */
  readonly id: string
  /** For people. */
  readonly label: string
  /** Every choice made, by the name of its option; the same in two results means the same configuration. */
  readonly parameters: Readonly<Record<string, string | number>>
}

/** What the rows of a run were: their number, and a sum of hashes for each column that does not depend on their order. */
export interface BenchmarkAnswer {
  readonly rows: number
  readonly columns: Readonly<Record<string, string>>
}

/**
 * `warm-up`: not counted. `measured`: counted. `different`: its rows were not those of the other runs, so its time does not
 * count. `failed`: it threw.
 */
export type RunOutcome = 'warm-up' | 'measured' | 'different' | 'failed'

/** What a run that came to its end measured. */
export interface RunMeasures {
  /** From the call to the last row (export), or until the service had queued all of it (write). */
  readonly seconds: number
  /** Processor time of this process, all threads. */
  readonly cpuSeconds: number
  readonly rows: number
  /** Bytes that were moved: blobs, or the inflated answer of a single query. */
  readonly bytes: number
  readonly blobs: number
  readonly requests: number
  /** Resident memory of the process before the run. */
  readonly startMemoryBytes: number
  /** The most that was resident during the run. */
  readonly peakMemoryBytes: number
  /** By phase, in the order of the work. */
  readonly phases: Readonly<Record<string, PhaseSample>>
  /** After the clock: deleting blobs (export), waiting for ingestion (write). */
  readonly afterSeconds: number
}

export interface BenchmarkRun {
  /** Id of the configuration. */
  readonly configuration: string
  /** 0 for warm-ups, then 1, 2 ...: each round runs every configuration once, in a random order. */
  readonly round: number
  readonly outcome: RunOutcome
  /** Absent when the run failed. */
  readonly measures?: RunMeasures
  /** Index into `answers`; absent when the run failed. */
  readonly answer?: number
  /** Why it failed, or how its rows differ. */
  readonly error?: { readonly code: string; readonly message: string }
}

export interface BenchmarkPlan {
  readonly repetitions: number
  readonly warmups: number
  readonly seed: number
  readonly maxSeconds: number
  readonly maxRows: number
  readonly maxBytes: number
}

/** A benchmark as JSON: the raw samples, and what was made of them. */
export interface BenchmarkResult {
  readonly kind: 'kusto-arrow/benchmark'
  /** Of this schema. */
  readonly version: 1
  readonly subject: BenchmarkSubject
  readonly startedAt: string
  /** How long all of it took. */
  readonly seconds: number
  readonly end: BenchmarkEnd
  readonly versions: Readonly<Record<string, string>>
  readonly machine: BenchmarkMachine
  readonly service: { readonly host: string; readonly database: string; readonly isEmbedded: boolean }
  /** The query that was read, or what was written. */
  readonly data: string
  readonly plan: BenchmarkPlan
  /** The phases in the order of the work. */
  readonly phases: readonly string[]
  readonly configurations: readonly BenchmarkConfiguration[]
  /** Different answers that were seen; the first is the one that runs are compared with. More than one is an error. */
  readonly answers: readonly BenchmarkAnswer[]
  readonly runs: readonly BenchmarkRun[]
  readonly summaries: readonly ConfigurationSummary[]
  readonly recommendation: Recommendation
}
