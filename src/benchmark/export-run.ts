import type { RecordBatch } from 'apache-arrow'
import { AbortScope } from '../base/abort.ts'
import type { KustoConnector } from '../connector.ts'
import type { Kql } from '../kql/kql.ts'
import type { ReadEvent } from '../source/read-events.ts'
import type { ReadOptions } from '../source/read-settings.ts'
import { ColumnChecksums } from './column-checksums.ts'
import { ExportPhases } from './export-phases.ts'
import type { ExportChoice } from './export-sweep.ts'
import type { RunBudget } from './run-budget.ts'
import type { RunOutput } from './run-sweep.ts'
import { watchMemory } from './watch-memory.ts'

/** What is read, and what is done with it. */
export interface ExportRunOptions {
  readonly query: Kql | string
  readonly choice: ExportChoice
  /** Options of every run, such as `storage`. */
  readonly read: ReadOptions
  /** Arrow bytes that are kept until the clock has stopped, to be checked then. */
  readonly holdBytes: number
  readonly deliver: ((batch: RecordBatch) => void | Promise<void>) | undefined
}

/**
 * Reads the query once in the given way, as partitions side by side (as many at once as there are workers) or as one query,
 * and measures it. The rows are checked after the clock has stopped as far as `holdBytes` goes.
 */
export async function runExportOnce(
  kusto: KustoConnector,
  options: ExportRunOptions,
  budget: RunBudget,
): Promise<RunOutput> {
  const { query, choice, holdBytes } = options
  const isSingle = choice.mode === 'single'
  const memory = watchMemory()
  const phases = new ExportPhases(isSingle)
  const checksums = new ColumnChecksums()
  const held: RecordBatch[] = []
  let heldBytes = 0
  const onEvent = (event: ReadEvent): void => {
    phases.event(event)
    if (event.kind === 'blob-downloaded') budget.spend({ bytes: event.bytes })
    memory.look()
  }
  const take = async (batch: RecordBatch): Promise<void> => {
    const from = performance.now()
    const bytes = batch.data.byteLength
    budget.spend({ rows: batch.numRows, bytes: isSingle ? bytes : 0 })
    heldBytes += bytes
    if (heldBytes <= holdBytes) held.push(batch)
    else checksums.add(batch)
    await options.deliver?.(batch)
    phases.delivered({ from, to: performance.now() }, { rows: batch.numRows, bytes })
  }
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const read = { ...options.read, ...choice, signal: budget.signal, onEvent }
  let clean: Clean
  try {
    clean = isSingle ? await readSingle(kusto, { query, read }, take) : await readParts(kusto, { query, read }, take)
  } catch (error) {
    // Else it would go on to look, every 20 ms, while the clock of later runs counts.
    memory.stop()
    throw error
  }
  const endedAt = performance.now()
  const { user, system } = process.cpuUsage(cpu)
  const { peakBytes, samples } = memory.stop()
  await clean()
  const afterSeconds = (performance.now() - endedAt) / 1000
  for (const batch of held) checksums.add(batch)
  const { rows, wholeRows, columns } = checksums.result()
  const { totals, phases: byPhase } = phases.end({ from: startedAt, to: endedAt }, samples)
  return {
    measures: {
      seconds: (endedAt - startedAt) / 1000,
      cpuSeconds: (user + system) / 1e6,
      rows,
      ...totals,
      startMemoryBytes: memory.startBytes,
      peakMemoryBytes: peakBytes,
      phases: byPhase,
      afterSeconds,
    },
    answer: { rows, columns: { ...columns, '(whole rows)': wholeRows } },
  }
}

interface Reading {
  readonly query: Kql | string
  readonly read: ReadOptions
}

type Take = (batch: RecordBatch) => Promise<void>

/** What is left to do when the last row is there. */
type Clean = () => Promise<void>

/** The service's limits of a query's size do not hold: the export has none either. */
async function readSingle(kusto: KustoConnector, { query, read }: Reading, take: Take): Promise<Clean> {
  const properties = { notruncation: true, ...read.properties }
  for await (const batch of kusto.read(query, { ...read, properties })) await take(batch)
  return () => Promise.resolve()
}

async function readParts(kusto: KustoConnector, { query, read }: Reading, take: Take): Promise<Clean> {
  using scope = new AbortScope(read.signal)
  const { workers = 1 } = read
  const parts = await kusto.read(query, { ...read, signal: scope.signal }).partitions()
  try {
    const waiting = [...parts]
    const readers = Array.from({ length: Math.min(workers, waiting.length) }, async () => {
      for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
        for await (const batch of part) await take(batch)
      }
    })
    const outcomes = await Promise.allSettled(
      readers.map((reader) =>
        reader.catch((error: unknown) => {
          scope.abort(error)
          throw error
        }),
      ),
    )
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    return () => parts.release()
  } catch (error) {
    await parts.release()
    throw error
  }
}
