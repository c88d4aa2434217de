import type { FaultRule } from '../../src/local/index.ts'
import type { Death } from './death.ts'
import type { Job } from './soak-child.ts'

/** What happens to one stream, all of it from a seed; only what several processes do at a time is not. */
export interface Schedule {
  readonly seed: number
  readonly table: string
  readonly job: Pick<Job, 'commit' | 'acknowledge' | 'format' | 'rows' | 'rowsPerWrite'>
  /** Where each process ends; after the last one comes a process that does not. */
  readonly lives: readonly Life[]
  readonly faults: readonly FaultRule[]
}

export interface Life {
  readonly maxBatchRows: number
  readonly death: Death | undefined
  /** Whether a process that was stopped goes on while its successor works, or after it. */
  readonly wakes: 'early' | 'late'
}

const MAX_DEATHS = 3

export function scheduleOf(seed: number, commit: Job['commit']): Schedule {
  const random = randomOf(seed)
  const below = (bound: number): number => Math.floor(random() * bound)
  const oneOf = <const T>(...values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0]
  const table = `${commit === 'tag' ? 'T' : 'M'}${seed}x`
  const rowsPerWrite = 3 + below(6)
  const batches = 2 + below(3)
  const maxBatchRows = rowsPerWrite + below(rowsPerWrite)
  const rows = batches * maxBatchRows - below(rowsPerWrite)
  const lives: Life[] = []
  let isStopped = false
  while (lives.length < MAX_DEATHS && random() < (lives.length === 0 ? 0.95 : 0.4)) {
    const of: Death['of'] = random() < 0.6 ? 'log' : 'http'
    const how: Death['how'] = !isStopped && random() < 0.2 ? 'stop' : 'kill'
    isStopped ||= how === 'stop'
    const most = of === 'log' ? 16 + batches * 17 : 5 + batches * (commit === 'tag' ? 3 : 11)
    lives.push({
      maxBatchRows: maxBatchRows + below(3),
      death: { of, nth: 1 + below(most), when: oneOf('before', 'during', 'after'), how },
      wakes: oneOf('early', 'late'),
    })
  }
  lives.push({ maxBatchRows, death: undefined, wakes: 'late' })
  const faults: FaultRule[] = []
  if (random() < 0.3)
    faults.push({
      match: { path: table, method: 'POST' },
      after: below(batches),
      times: 1,
      action: { dropAnswer: true },
    })
  if (random() < 0.15)
    faults.push({ match: { path: table, method: 'POST' }, after: below(batches), times: 1, action: { status: 503 } })
  if (random() < 0.2)
    faults.push({ match: { path: table, method: 'GET' }, after: below(4), times: 1, action: { reset: true } })
  if (random() < 0.3)
    faults.push({ match: { text: table }, after: 1 + below(8 * batches), times: 1, action: { dropAnswer: true } })
  return {
    seed,
    table,
    job: {
      commit,
      acknowledge: oneOf('staged', 'committed', 'committed'),
      format: oneOf('csv', 'csv', 'parquet'),
      rows,
      rowsPerWrite,
    },
    lives,
    faults,
  }
}

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
