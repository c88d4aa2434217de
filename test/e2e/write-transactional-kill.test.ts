import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import pLimit from 'p-limit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { WriteOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { startGateway } from './gateway.ts'
import { COMPLETE, operationsSettled, seed, stagingByTarget, state, UNTOUCHED, WRITTEN } from './interrupted-write.ts'
import type { Mode } from './interrupted-write.ts'

let local: LocalKusto
/** Past all gateways. */
let direct: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  direct = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await direct.close()
  await local.close()
})

const entry = new URL('../../dist/index.js', import.meta.url).href

const rows = (): readonly { readonly n: number }[] => Array.from({ length: WRITTEN }, (_, n) => ({ n }))

function optionsFor(mode: Mode): WriteOptions {
  return { mode, format: 'csv', ingestByTags: ['once'], ingestIfNotExists: ['once'] }
}

/** The same write in a process of its own. */
function startWriter(
  cluster: string,
  table: string,
  mode: Mode,
): { readonly kill: () => void; readonly ended: Promise<string> } {
  const script = `
    import { KustoConnector } from ${JSON.stringify(entry)}
    const kusto = new KustoConnector({ cluster: ${JSON.stringify(cluster)}, database: ${JSON.stringify(local.database)} })
    const rows = Array.from({ length: ${WRITTEN} }, (_, n) => ({ n }))
    await kusto.write(${JSON.stringify(table)}, rows, ${JSON.stringify(optionsFor(mode))})
    await kusto.close()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const closed = once(child, 'close')
  const end = async (): Promise<string> => {
    const stderr = await text(child.stderr)
    const [code, signal] = (await closed) as [number | null, string | null]
    return signal ?? `code ${code} ${stderr}`
  }
  return { kill: () => void child.kill('SIGKILL'), ended: end() }
}

interface Point {
  readonly mode: Mode
  /** The process is killed at the first request of this label. */
  readonly label: string
  /** Whether the service carries that request out. */
  readonly isCarriedOut: boolean
}

const TRANSACTIONAL = [
  '.show table extents where tags has',
  '.show table schema as json',
  'GET configuration',
  'PUT blob',
  '.show table policy ingestionbatching',
  '.execute database script with',
  'POST queued',
  'GET queued',
  '.show table extents',
  '.move async extents from table to table with',
  '.show operations',
  '.show operation details',
  '.drop table ifexists',
]
const POINTS: readonly Point[] = [
  // A request that is not carried out is the one before it, carried out: that leaves the first.
  { mode: 'transactional', label: TRANSACTIONAL[0]!, isCarriedOut: false },
  ...TRANSACTIONAL.map((label): Point => ({ mode: 'transactional', label, isCarriedOut: true })),
  { mode: 'replace', label: '.replace async extents in table with', isCarriedOut: false },
  { mode: 'replace', label: '.replace async extents in table with', isCarriedOut: true },
  { mode: 'replace', label: '.show operations', isCarriedOut: true },
]

/** Gives the table whose writer was killed. */
async function killedAt({ mode, label, isCarriedOut }: Point): Promise<string> {
  const table = `${mode}_${label}_${isCarriedOut}`.replaceAll(/\W/g, '_')
  await seed(direct, table)
  const gateway = await startGateway(local.cluster)
  try {
    const writer = startWriter(gateway.url, table, mode)
    gateway.intercept = async (request, forward) => {
      if (gateway.seen.indexOf(label) !== request.index) return forward()
      if (isCarriedOut) await forward()
      writer.kill()
      return undefined
    }
    expect(await writer.ended, label).toBe('SIGKILL')
    return table
  } finally {
    await gateway.close()
  }
}

it(
  'spark:W1 a process that is killed at any request leaves the table complete or untouched, and a second write ends with every row once',
  { timeout: 600_000 },
  async () => {
    const killed = await pLimit(4).map(POINTS, async (point) => ({ ...point, table: await killedAt(point) }))
    await operationsSettled(direct)
    const staging = await stagingByTarget(direct)
    const seen = new Set<string>()
    await pLimit(4).map(killed, async ({ mode, label, isCarriedOut, table }) => {
      const isMoved = /^\.(?:move|replace|show operation|drop)/.test(label) && isCarriedOut
      const found = await state(direct, table)
      seen.add(found)
      expect(found, label).toBe(isMoved ? COMPLETE[mode] : UNTOUCHED)
      const again = await direct.write(table, rows(), optionsFor(mode))
      expect([again.skipped, await state(direct, table)], label).toEqual([isMoved, COMPLETE[mode]])
    })
    expect([...seen].sort()).toEqual([COMPLETE.replace, UNTOUCHED, COMPLETE.transactional].sort())
    // What the killed ones left is still there, and only that.
    expect(await stagingByTarget(direct)).toEqual(staging)
  },
)

it('spark:W19 what killed processes leave is listed, is not dropped while it may be in use, and is dropped by name', async () => {
  const left = await direct.stagingTables()
  expect(left.length).toBeGreaterThan(3)
  expect(left.every(({ target, safe, ageMs }) => target !== undefined && !safe && ageMs >= 0)).toBe(true)
  // Rows that were not moved are in no table.
  expect(left.map(({ rows: staged }) => staged).every((staged) => staged >= 0 && staged <= WRITTEN)).toBe(true)
  expect(await direct.dropStagingTables()).toMatchObject({ dropped: [], kept: left.map(({ name }) => ({ name })) })
  const tables = left.map(({ name }) => name)
  const would = await direct.dropStagingTables({ tables, dryRun: true })
  expect([would.dropped.length, (await direct.stagingTables()).length]).toEqual([left.length, left.length])
  const done = await direct.dropStagingTables({ tables })
  expect([done.dropped.length, done.failures, await direct.stagingTables()]).toEqual([left.length, [], []])
  await expect(direct.dropStagingTables({ tables: ['Flights'] })).rejects.toMatchObject({ code: 'KUSTO_BAD_OPTION' })
})
