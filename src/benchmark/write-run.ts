import { randomUUID } from 'node:crypto'
import type { Table } from 'apache-arrow'
import type { KustoConnector } from '../connector.ts'
import { dropTable } from '../kql/commands/table-commands.ts'
import type { WriteEvent } from '../sink/write-events.ts'
import type { WriteOptions } from '../sink/write-settings.ts'
import type { RunBudget } from './run-budget.ts'
import type { RunOutput } from './run-sweep.ts'
import { watchMemory } from './watch-memory.ts'
import { WritePhases } from './write-phases.ts'
import type { WriteChoice } from './write-sweep.ts'
import { fetchWrittenAnswer } from './written-answer.ts'

export interface WriteRunOptions {
  readonly table: Table
  readonly choice: WriteChoice
  /** Options of every run, such as `ingestionStorage`. */
  readonly write: WriteOptions
  readonly ingestionTimeoutMs: number
}

const DROP_TIMEOUT_MS = 30_000

/**
 * Writes the rows once, in the given way, into a table of their own, and measures until the service has queued all of it.
 * Then waits for the ingestion, has the service count and hash what it holds, and drops the table.
 */
export async function runWriteOnce(
  kusto: KustoConnector,
  options: WriteRunOptions,
  budget: RunBudget,
): Promise<RunOutput> {
  const { signal } = budget
  const target = `kusto_arrow_benchmark_${randomUUID().replaceAll('-', '')}`
  const memory = watchMemory()
  const phases = new WritePhases()
  const onEvent = (event: WriteEvent): void => {
    phases.event(event)
    if (event.kind === 'blob-uploaded') budget.spend({ rows: event.rows, bytes: event.encodedBytes })
    memory.look()
  }
  try {
    const cpu = process.cpuUsage()
    const startedAt = performance.now()
    const receipt = await kusto.write(target, options.table, {
      ...options.write,
      ...options.choice,
      create: 'CreateIfNotExist',
      flushImmediately: true,
      signal,
      onEvent,
    })
    const endedAt = performance.now()
    const { user, system } = process.cpuUsage(cpu)
    const { peakBytes, samples } = memory.stop()
    await receipt.completed({ timeoutMs: options.ingestionTimeoutMs, signal })
    const afterSeconds = (performance.now() - endedAt) / 1000
    const answer = await fetchWrittenAnswer(kusto, target, signal)
    const { totals, phases: byPhase } = phases.end(samples)
    return {
      measures: {
        seconds: (endedAt - startedAt) / 1000,
        cpuSeconds: (user + system) / 1e6,
        rows: receipt.rows,
        ...totals,
        startMemoryBytes: memory.startBytes,
        peakMemoryBytes: peakBytes,
        phases: byPhase,
        afterSeconds,
      },
      answer,
    }
  } finally {
    memory.stop()
    await kusto.command(dropTable(target), { signal: AbortSignal.timeout(DROP_TIMEOUT_MS) }).rows()
  }
}
