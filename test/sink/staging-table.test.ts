import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CommandRow } from '../../src/client/command-table.ts'
import { KustoAuthError } from '../../src/errors.ts'
import type { SinkContext } from '../../src/sink/sink-context.ts'
import { runTogether, StagingTable } from '../../src/sink/staging-table.ts'

const HOUR_MS = 3_600_000
const START_MS = Date.parse('2024-05-06T00:00:00Z')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS })
})

afterEach(() => void vi.useRealTimers())

/** A service that carries out scripts, or refuses them, and takes down what it is sent. */
function openTable({ scripts = true } = {}): { readonly table: StagingTable; readonly sent: string[] } {
  const sent: string[] = []
  const context = {
    database: 'Db',
    command: (csl: { readonly text: string }) => {
      if (!scripts && csl.text.startsWith('.execute')) {
        return Promise.reject(new KustoAuthError('KUSTO_FORBIDDEN', 'not allowed'))
      }
      sent.push(csl.text)
      return Promise.resolve([new CommandRow(['Completed'], new Map([['Result', 0]]))])
    },
    log: { warning: () => undefined },
  } as unknown as SinkContext
  const table = new StagingTable(context, {
    target: 'Flights',
    targetExists: false,
    columns: [{ name: 'n', type: 'long' }],
    creationTime: undefined,
    stagingTimeoutMs: 8 * HOUR_MS,
  })
  return { table, sent }
}

const after = (hours: number): void => void vi.setSystemTime(START_MS + hours * HOUR_MS)
const lifeIn = (csl: string): unknown => [
  /"ExpiryDate\W+([^"\\]+)/.exec(csl)?.[1],
  /busyUntil\W+([^"\\]+)/.exec(csl)?.[1],
]

describe('spark:W15 a staging table whose rows come over a long time', () => {
  it('is made once, and gets its time anew with the first rows after each quarter of it', async () => {
    const { table, sent } = openTable()
    await Promise.all([table.prepare(undefined), table.prepare(undefined)])
    after(1.9)
    await table.prepare(undefined)
    expect(sent.map((csl) => csl.slice(0, 24))).toEqual(['.execute database script'])
    expect(lifeIn(sent[0] ?? '')).toEqual(['2024-05-06T08:00:00.000Z', '2024-05-06T04:00:00.000Z'])
    after(2)
    await table.prepare(undefined)
    await table.prepare(undefined)
    after(7)
    await table.prepare(undefined)
    expect(sent.slice(1).map(lifeIn)).toEqual([
      ['2024-05-06T10:00:00.000Z', '2024-05-06T06:00:00.000Z'],
      ['2024-05-06T15:00:00.000Z', '2024-05-06T11:00:00.000Z'],
    ])
    expect(sent[1]).toMatch(/policy auto_delete/)
    expect(sent[1]).not.toMatch(/\.create/)
  })

  it('gets it by one command after the other where scripts are not allowed', async () => {
    const { table, sent } = openTable({ scripts: false })
    await table.prepare(undefined)
    const made = sent.length
    after(3)
    await table.prepare(undefined)
    expect(sent.slice(made).map((csl) => /^\.alter table \S+ (\w+)/.exec(csl)?.[1])).toEqual(['policy', 'docstring'])
  })

  it('is not made after an abort, and takes no more rows', async () => {
    const { table, sent } = openTable()
    await expect(table.prepare(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    await table.drop(AbortSignal.timeout(1_000))
    expect(sent).toEqual([])
  })
})

describe('commands that are run together', () => {
  it('fail with the reason of the service without the signatures in it', async () => {
    const cells = { Result: 'Failed', Reason: "no access to 'https://a.blob.core.windows.net/c?sv=1&sig=hidden'" }
    const row = new CommandRow(Object.values(cells), new Map(Object.keys(cells).map((name, at) => [name, at])))
    const context = { command: () => Promise.resolve([row]) } as unknown as SinkContext
    await expect(runTogether(context, [], undefined)).rejects.toMatchObject({
      code: 'KUSTO_SCRIPT_FAILED',
      message: "expected a completed command, found Failed: no access to 'https://a.blob.core.windows.net/c?****'",
    })
  })
})
