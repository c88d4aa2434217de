import { cpus, loadavg } from 'node:os'

/** Where and under which load a run was made. */
export interface Machine {
  readonly node: string
  readonly cpu: string
  readonly cpus: number
  /** Runnable processes over the last minute, when the run began. More than `cpus` means a shared machine. */
  readonly load: number
}

export function machine(): Machine {
  const { model } = cpus()[0] ?? { model: 'unknown' }
  return { node: process.version, cpu: model, cpus: cpus().length, load: round(loadavg()[0] ?? 0) }
}

/** What one piece of work took. Processor time counts all threads, so it hardly moves with the load of the machine. */
export interface Cost {
  readonly ms: number
  readonly cpuMs: number
}

/** Runs the work once; unless told not to, after a garbage collection where the process exposes one. */
export async function costOf(work: () => Promise<unknown>, { collect = true } = {}): Promise<Cost> {
  if (collect) globalThis.gc?.()
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { ms, cpuMs: (user + system) / 1000 }
}

/** The repetitions of one side. */
export interface Summary {
  readonly medianMs: number
  readonly bestMs: number
  readonly medianCpuMs: number
  readonly timesMs: readonly number[]
}

export function summarize(costs: readonly Cost[]): Summary {
  const times = costs.map(({ ms }) => ms)
  return {
    medianMs: round(median(times)),
    bestMs: round(Math.min(...times)),
    medianCpuMs: round(median(costs.map(({ cpuMs }) => cpuMs))),
    timesMs: times.map(round),
  }
}

/** How many times as long the other side takes: by medians, by best times, by medians of processor time. */
export interface Ratio {
  readonly median: number
  readonly best: number
  readonly cpu: number
}

export function ratioOf(ours: Omit<Summary, 'timesMs'>, theirs: Omit<Summary, 'timesMs'>): Ratio {
  return {
    median: round(theirs.medianMs / ours.medianMs),
    best: round(theirs.bestMs / ours.bestMs),
    cpu: round(theirs.medianCpuMs / ours.medianCpuMs),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[sorted.length >> 1] ?? NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[(sorted.length >> 1) - 1] ?? NaN)) / 2
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}
