import { afterEach, expect, it, vi } from 'vitest'
import { benchmarkSettings } from '../../src/benchmark/benchmark-settings.ts'
import { runExportOnce } from '../../src/benchmark/export-run.ts'
import { RunBudget } from '../../src/benchmark/run-budget.ts'
import { KustoConnector } from '../../src/connector.ts'

afterEach(() => vi.useRealTimers())

it.each(['single', 'distributed'] as const)('stops to watch memory when a %s run fails', async (mode) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  await using kusto = new KustoConnector({ cluster: 'http://127.0.0.1:1', database: 'db' })
  using budget = new RunBudget(benchmarkSettings({}), undefined)
  const options = { query: 'T', choice: { mode }, read: { timeoutMs: 1000 }, holdBytes: 0, deliver: undefined }
  const before = vi.getTimerCount()
  await expect(runExportOnce(kusto, options, budget)).rejects.toThrow()
  expect(vi.getTimerCount()).toBe(before)
})
