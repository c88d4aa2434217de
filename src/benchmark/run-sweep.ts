import { KustoError } from '../errors.ts'
import type {
  BenchmarkAnswer,
  BenchmarkConfiguration,
  BenchmarkEnd,
  BenchmarkRun,
  RunMeasures,
} from './benchmark-result.ts'
import type { BenchmarkSettings } from './benchmark-settings.ts'
import { RunBudget } from './run-budget.ts'
import { seededRandom, shuffled } from './seeded-random.ts'

/** A configuration and how to run it once. */
export interface SweepPoint {
  readonly configuration: BenchmarkConfiguration
  /** Points that share this are warmed up by one of them. */
  readonly warmedUpBy: string
  readonly run: (budget: RunBudget) => Promise<RunOutput>
}

export interface RunOutput {
  readonly measures: RunMeasures
  readonly answer: BenchmarkAnswer
}

export interface SweepOutput {
  readonly end: BenchmarkEnd
  readonly runs: readonly BenchmarkRun[]
  /** Different answers, the one that most runs gave first. */
  readonly answers: readonly BenchmarkAnswer[]
}

/** A configuration that failed as often is not tried again. */
const MAX_FAILURES = 2

/**
 * Runs every point: warm-ups first, then rounds in which each point has its turn, in an order that the seed decides. Ends
 * early, with what was measured, when the budget is used up or the signal is aborted. Times count only for runs whose rows
 * are those of the most runs.
 * @throws what the first run failed with when no run came to its end
 */
export async function runSweep(points: readonly SweepPoint[], settings: BenchmarkSettings): Promise<SweepOutput> {
  using budget = new RunBudget(settings, settings.signal)
  const sweep = new Sweep(budget, settings)
  const turns = plannedTurns(points, settings)
  for (const [index, { point, round }] of turns.entries()) {
    if (budget.end !== undefined) break
    await sweep.run(point, { round, index: index + 1, total: turns.length })
  }
  const end = budget.end ?? 'complete'
  settings.onEvent({ kind: 'benchmark-ended', end })
  return sweep.output(end)
}

interface Turn {
  readonly point: SweepPoint
  /** 0 for a warm-up. */
  readonly round: number
}

function plannedTurns(points: readonly SweepPoint[], settings: BenchmarkSettings): readonly Turn[] {
  const random = seededRandom(settings.seed)
  const groups = new Map(points.toReversed().map((point) => [point.warmedUpBy, point]))
  const warmups = Array.from({ length: settings.warmups }, () => [...groups.values()].toReversed()).flat()
  const rounds = Array.from({ length: settings.repetitions }, (_, round) =>
    shuffled(points, random).map((point) => ({ point, round: round + 1 })),
  )
  return [...warmups.map((point) => ({ point, round: 0 })), ...rounds.flat()]
}

interface Place {
  readonly round: number
  readonly index: number
  readonly total: number
}

class Sweep {
  readonly #budget: RunBudget
  readonly #settings: BenchmarkSettings
  readonly #runs: BenchmarkRun[] = []
  readonly #answers: { readonly answer: BenchmarkAnswer; readonly key: string; runs: number }[] = []
  readonly #failures = new Map<string, number>()
  readonly #wholeSeconds = new Map<string, number>()
  #firstError: { readonly error: unknown } | undefined

  constructor(budget: RunBudget, settings: BenchmarkSettings) {
    this.#budget = budget
    this.#settings = settings
  }

  async run({ configuration, run }: SweepPoint, place: Place): Promise<void> {
    const { id, label } = configuration
    const { onEvent } = this.#settings
    if ((this.#failures.get(id) ?? 0) >= MAX_FAILURES) return
    if ((this.#wholeSeconds.get(id) ?? 0) > this.#budget.remainingSeconds) {
      this.#budget.endForTime()
      return
    }
    onEvent({ kind: 'run-started', label, ...place })
    const startedAt = performance.now()
    const base = { configuration: id, round: place.round }
    const outcome = place.round === 0 ? 'warm-up' : 'measured'
    try {
      const { measures, answer } = await run(this.#budget)
      this.#runs.push({ ...base, outcome, measures, answer: this.#known(answer) })
      const { rows, bytes, seconds } = measures
      onEvent({ kind: 'run-finished', label, ...place, outcome, rows, bytes, seconds })
    } catch (error) {
      // Broken off, not failed.
      if (this.#budget.end !== undefined) return
      this.#firstError ??= { error }
      this.#failures.set(id, (this.#failures.get(id) ?? 0) + 1)
      const message = error instanceof Error ? error.message : String(error)
      this.#runs.push({ ...base, outcome: 'failed', error: { code: codeOf(error), message } })
      const seconds = (performance.now() - startedAt) / 1000
      onEvent({ kind: 'run-finished', label, ...place, outcome: 'failed', rows: 0, bytes: 0, seconds, error: message })
    }
    this.#wholeSeconds.set(id, (performance.now() - startedAt) / 1000)
  }

  output(end: BenchmarkEnd): SweepOutput {
    if (this.#answers.length === 0) {
      if (end === 'aborted') this.#settings.signal?.throwIfAborted()
      if (this.#firstError !== undefined) throw this.#firstError.error
    }
    const order = this.#answers.map((_, index) => index).toSorted((a, b) => this.#votes(b) - this.#votes(a))
    const answers = order.flatMap((index) => this.#answers[index]?.answer ?? [])
    const runs = this.#runs.map((run): BenchmarkRun => {
      if (run.answer === undefined) return run
      const answer = order.indexOf(run.answer)
      const [expected, found] = [answers[0], answers[answer]]
      if (answer === 0 || expected === undefined || found === undefined) return { ...run, answer }
      const error = { code: 'KUSTO_BENCHMARK_ROWS_DIFFER', message: describeDifference(expected, found) }
      return { ...run, answer, outcome: 'different', error }
    })
    return { end, runs, answers }
  }

  #votes(index: number): number {
    return this.#answers[index]?.runs ?? 0
  }

  #known(answer: BenchmarkAnswer): number {
    const key = JSON.stringify(answer)
    const index = this.#answers.findIndex((one) => one.key === key)
    const known = this.#answers[index]
    if (known === undefined) return this.#answers.push({ answer, key, runs: 1 }) - 1
    known.runs++
    return index
  }
}

function codeOf(error: unknown): string {
  return error instanceof KustoError ? error.code : 'UNKNOWN'
}

function describeDifference(expected: BenchmarkAnswer, found: BenchmarkAnswer): string {
  if (expected.rows !== found.rows) return `expected ${expected.rows} rows as most runs gave, found ${found.rows}`
  const names = [...new Set([...Object.keys(expected.columns), ...Object.keys(found.columns)])]
  const wrong = names.filter((name) => expected.columns[name] !== found.columns[name])
  return `expected the values that most runs gave, found others in ${wrong.join(', ')}`
}
