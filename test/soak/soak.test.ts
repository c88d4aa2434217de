import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FaultRule } from '../../src/local/index.ts'
import type { Death } from './death.ts'
import { scheduleOf } from './schedule.ts'
import type { Schedule } from './schedule.ts'
import { Soak } from './soak.ts'
import type { Ran } from './soak.ts'
import { grown } from './steady.ts'
import type { Sample } from './steady-child.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const OUT = path.join(ROOT, 'build/soak-test')

let soak: Soak

beforeAll(async () => {
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, '-p', 'test/soak', '--outDir', OUT], { cwd: ROOT })
  soak = await Soak.start(path.join(OUT, 'test/soak/soak-child.js'), 4)
}, 300_000)

afterAll(() => soak[Symbol.asyncDispose]())

let seed = 0

/** Three batches of ten rows by processes of which all but the last die. */
async function dying(
  commit: Schedule['job']['commit'],
  deaths: readonly Omit<Death, 'how'>[],
  faults: (table: string) => readonly FaultRule[] = () => [],
): Promise<Ran> {
  const table = `${commit === 'tag' ? 'T' : 'M'}${++seed}p`
  const life = { maxBatchRows: 10, wakes: 'late' } as const
  const schedule: Schedule = {
    seed,
    table,
    job: { commit, acknowledge: 'committed', format: 'csv', rows: 30, rowsPerWrite: 5 },
    lives: [
      ...deaths.map((death) => ({ ...life, death: { ...death, how: 'kill' as const } })),
      { ...life, death: undefined },
    ],
    faults: faults(table),
  }
  const ran = await soak.run(schedule)
  expect(soak.failures).toEqual([])
  expect(await soak.count(schedule)).toEqual({ lost: 0, duplicated: 0 })
  expect(ran.kills).toBe(deaths.length)
  return ran
}

const log = (only: string, when: Death['when'], nth = 2): Omit<Death, 'how'> => ({ of: 'log', only, nth, when })
const SUBMISSION = 'POST /v1/rest/ingestion/queued'

describe.each(['tag', 'staging-table'] as const)(
  'a writer by %s that is killed',
  { timeout: 300_000, concurrent: true },
  (commit) => {
    const stagedRows = commit === 'tag' ? 'tag found' : 'moved'

    it('streaming:T1 P1 before it stages a batch leaves the batch to the source', async () => {
      await dying(commit, [log('create staged/', 'before')])
    })

    it('streaming:T1 P2 in the middle of staging leaves an object that is none', async () => {
      await dying(commit, [log('create staged/', 'during')])
    })

    it('streaming:T1 P3 after staging has the batch sent by the next one', async () => {
      const { recovered } = await dying(commit, [log('create entries/', 'after', 3)])
      expect(recovered).toContain(commit === 'tag' ? 'succeeded' : 'moved')
    })

    it('streaming:T1 streaming:T5 P4 after it sent a batch and before the reply has the table asked', async () => {
      const { recovered } = await dying(commit, [{ of: 'http', only: SUBMISSION, nth: 3, when: 'during' }])
      expect(recovered.length).toBeGreaterThan(0)
    })

    it('streaming:T1 P5 before it notes the reply finds the batch in the table', async () => {
      const { recovered } = await dying(commit, [log('create intents/000000000001-0001.sent', 'before', 1)])
      expect(recovered).toContain(stagedRows)
    })

    it('streaming:T1 P6 while the service is down is followed by one who waits, and sends nothing again', async () => {
      const { recovered } = await dying(commit, [log('create intents/000000000001-0001.sent', 'after', 1)], (table) => [
        { match: { path: table, method: 'GET' }, times: 3, action: { status: 503 } },
      ])
      expect(recovered).toContain(commit === 'tag' ? 'succeeded' : 'moved')
    })

    it('streaming:T1 P7 before it notes that the batch is in the table finds it there', async () => {
      const { recovered } = await dying(commit, [log('create outcomes/', 'before')])
      expect(recovered.length).toBeGreaterThan(0)
    })

    it('streaming:T1 streaming:C25 P8 before it removes staged bytes leaves them to the next', async () => {
      await dying(commit, [log('remove staged/', 'before')])
    })

    it('streaming:T1 P9 among the records that are of no use any more leaves them to the next', async () => {
      await dying(commit, [log('remove entries/', 'before')])
    })

    it('streaming:T2 streaming:C22 again and again while it recovers gets there', async () => {
      const again = [8, 14, 20].map((nth) => ({ of: 'log' as const, nth, when: 'after' as const }))
      await dying(commit, [log('create entries/', 'after', 3), ...again])
    })
  },
)

it('streaming:T12 streaming:C31 streaming:C32 a writer that is killed at its commands leaves no table of its own', async () => {
  const deaths = [9, 13, 17].map((nth) => ({ of: 'http' as const, nth, when: 'during' as const }))
  await dying('staging-table', deaths)
  expect((await soak.kusto.stagingTables()).filter(({ target }) => target === `M${seed}p`)).toEqual([])
}, 300_000)

it.each(['tag', 'staging-table'] as const)(
  'streaming:T1 streaming:T4 streaming:C13 streaming:C26 streaming:C56 random kills, stops and lost replies lose and repeat no row, by %s',
  async (commit) => {
    const schedules = Array.from({ length: 15 }, (_, index) => scheduleOf(index + 1, commit))
    const before = soak.totals.schedules
    await soak.runAll(schedules, 4)
    await soak.finish()
    expect(soak.failures).toEqual([])
    expect(soak.totals.schedules - before).toBe(15)
    expect(soak.totals).toMatchObject({ lost: 0, duplicated: 0 })
    expect(soak.totals.kills).toBeGreaterThan(5)
  },
  600_000,
)

describe('the count of a soak', () => {
  it('streaming:C56 sees a row that is missing and one that is there twice', async () => {
    const schedule = { ...scheduleOf(99, 'tag'), table: 'Counted', seed: 99 }
    const rows = schedule.job.rows
    const ordinals = `range ordinal from 1 to ${rows - 1} step 1 | extend producer = int(99), ordinal = toint(ordinal) | project producer, ordinal`
    await soak.kusto.command(`.set-or-append Counted <| ${ordinals}`).rows()
    await soak.kusto.command('.set-or-append Counted <| print producer = int(99), ordinal = int(1)').rows()
    expect(await soak.count(schedule)).toEqual({ lost: 1, duplicated: 1 })
  })
})

describe('what a process holds', () => {
  const sample = {
    seconds: 0,
    rows: 0,
    rssMegabytes: 100,
    heapMegabytes: 20,
    openFiles: 20,
    sockets: 5,
    logObjects: 20,
  }
  const series = (change: (index: number) => Partial<Sample>): readonly Sample[] =>
    Array.from({ length: 30 }, (_, index) => ({ ...sample, ...change(index) }))

  it('streaming:T41 streaming:C7 is seen to grow, and not when it goes up and down', () => {
    expect(grown(series((index) => ({ openFiles: 20 + (index % 5), rssMegabytes: 100 + (index % 7) })))).toEqual([])
    expect(grown(series((index) => ({ openFiles: 20 + index })))).toEqual([
      expect.stringMatching(/^openFiles from \d+ to \d+$/),
    ])
    expect(grown(series((index) => ({ rssMegabytes: 100 + 4 * index })))).toEqual([
      expect.stringMatching(/^rssMegabytes/),
    ])
  })
})
