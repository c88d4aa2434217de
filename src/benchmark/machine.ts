import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os'

/** Where a benchmark ran. */
export interface BenchmarkMachine {
  readonly cpu: string
  /** Cores that this process may use. */
  readonly cores: number
  readonly memoryBytes: number
  readonly platform: string
  readonly node: string
  /** Runnable processes over the last minute when the benchmark began; more than `cores` means a shared machine. 0 on Windows. */
  readonly load: number
}

export function describeMachine(): BenchmarkMachine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}
