import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import pLimit from 'p-limit'
import { fileLog, inspectLog, KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { ChildPool } from './child-pool.ts'
import type { Child, Turn } from './child-pool.ts'
import type { Life, Schedule } from './schedule.ts'
import type { Word } from './soak-child.ts'

export interface Totals {
  schedules: number
  rows: number
  lost: number
  duplicated: number
  kills: number
  recoveries: number
  takeovers: number
  conflicts: number
  /** What writers that were taken over from ended with. */
  readonly zombies: Record<string, number>
}

/** So many schedules are over before the rows of one are counted. */
const LATE = 20
/** Longer than any schedule takes on a busy machine. */
const HANG_MS = 600_000

/** An embedded Kusto, processes that write to it and are killed, and the count of what arrived. */
export class Soak implements AsyncDisposable {
  readonly totals: Totals = {
    schedules: 0,
    rows: 0,
    lost: 0,
    duplicated: 0,
    kills: 0,
    recoveries: 0,
    takeovers: 0,
    conflicts: 0,
    zombies: {},
  }
  /** One line for each schedule that went wrong. */
  readonly failures: string[] = []
  readonly local: LocalKusto
  readonly kusto: KustoConnector
  readonly #pool: ChildPool
  readonly #folder: string
  readonly #done: Schedule[] = []
  #isStopped = false

  static async start(script: string, spares: number): Promise<Soak> {
    const local = await startLocalKusto()
    const folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-soak-'))
    return new Soak(local, folder, new ChildPool(script, spares))
  }

  private constructor(local: LocalKusto, folder: string, pool: ChildPool) {
    this.local = local
    this.kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
    this.#folder = folder
    this.#pool = pool
  }

  /** All schedules, several at a time. */
  async runAll(schedules: Iterable<Schedule>, parallel: number, onDone: () => void = () => undefined): Promise<void> {
    const limit = pLimit(parallel)
    const work: Promise<void>[] = []
    for (const schedule of schedules) {
      work.push(
        limit(async () => {
          if (this.#isStopped) return
          await this.run(schedule)
          onDone()
        }),
      )
    }
    await Promise.all(work)
  }

  /** Begins no more schedules. */
  stop(): void {
    this.#isStopped = true
  }

  /** One schedule; its rows are counted some schedules later, with what came late. What goes wrong is a line of `failures`. */
  async run(schedule: Schedule): Promise<Ran> {
    const ran: Ran = { kills: 0, conflicts: 0, recovered: [], zombie: undefined }
    let timer: NodeJS.Timeout | undefined
    try {
      const hang = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`hangs for ${HANG_MS} ms`)), HANG_MS)
      })
      await Promise.race([this.#carryOut(schedule, ran), hang])
      this.totals.schedules++
      this.totals.rows += schedule.job.rows
      this.#done.push(schedule)
      await rm(this.#folderOf(schedule), { recursive: true, force: true })
      const old = this.#done.length > LATE ? this.#done.shift() : undefined
      if (old !== undefined) await this.#finish(old)
    } catch (error) {
      this.failures.push(`${title(schedule)}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      clearTimeout(timer)
    }
    this.totals.kills += ran.kills
    this.totals.conflicts += ran.conflicts
    this.totals.recoveries += ran.recovered.length
    if (ran.zombie !== undefined) this.totals.takeovers++
    return ran
  }

  /** Counts the rows of the schedules that are not counted yet. */
  async finish(): Promise<void> {
    for (const schedule of this.#done.splice(0)) await this.#finish(schedule)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close()
    await this.kusto.close()
    await this.local.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #folderOf({ table }: Schedule): string {
    return path.join(this.#folder, table)
  }

  async #carryOut(schedule: Schedule, ran: Ran): Promise<void> {
    const { table, lives, faults } = schedule
    await this.kusto.command(`.create table ${table} (producer: int, ordinal: int)`).rows()
    for (const fault of faults) this.local.faults.add(fault)
    const state: State = { acknowledged: 0, takeOver: false, zombie: undefined, isDone: false }
    const queue = [...lives]
    for (const [index, life] of queue.entries()) {
      const child = this.#pool.take()
      const turn = await this.#live(child, { schedule, life, state, ran })
      if (turn.kind === 'stopped') {
        state.takeOver = true
        state.zombie = { child, wakes: life.wakes }
      } else if (turn.kind === 'killed') {
        ran.kills++
        state.takeOver = false
        this.#pool.replace(child)
      } else {
        this.#pool.give(child)
        if (turn.kind === 'failed' && turn.code === 'KUSTO_LOG_CONFLICT' && state.zombie !== undefined) {
          // The one that was taken over from had left a batch when its successor had read the log: that says to open it again.
          ran.conflicts++
          queue.push({ ...life, death: undefined })
          continue
        }
        if (turn.kind === 'failed') throw new Error(`process ${index + 1} failed: ${turn.message}`)
        state.isDone = true
        break
      }
    }
    if (!state.isDone) throw new Error('the last process died as well')
    if (state.zombie !== undefined) ran.zombie = await this.#awake(state.zombie.child)
    await this.#checkLog(schedule, ran)
  }

  async #live(
    child: Child,
    {
      schedule,
      life,
      state,
      ran,
    }: { readonly schedule: Schedule; readonly life: Life; readonly state: State; readonly ran: Ran },
  ): Promise<Turn> {
    const { table, job, seed } = schedule
    let broken: string | undefined
    const onWord = (word: Word): void => {
      if (word.kind === 'recovered') ran.recovered.push(word.evidence)
      if (word.kind === 'acknowledged') {
        if (word.position <= state.acknowledged) broken = `acknowledged ${word.position} after ${state.acknowledged}`
        state.acknowledged = word.position
      }
      if (word.kind === 'resumed' && word.position < state.acknowledged) {
        broken = `acknowledged ${state.acknowledged}, then resumed at ${word.position}`
      }
    }
    const { cluster, database } = this.local
    const death = life.death
    child.start(
      {
        ...job,
        cluster,
        database,
        table,
        folder: this.#folderOf(schedule),
        producer: seed,
        maxBatchRows: life.maxBatchRows,
        inDoubtMs: 1_500,
        takeOver: state.takeOver,
        ...(death === undefined ? {} : { death }),
      },
      onWord,
    )
    if (state.zombie?.wakes === 'early') setTimeout(() => state.zombie?.child.signal('SIGCONT'), 300)
    const turn = await child.next()
    if (broken !== undefined) throw new Error(broken)
    return turn
  }

  /** One that was taken over from goes on, and must find that out. */
  async #awake(child: Child): Promise<string> {
    child.signal('SIGCONT')
    const turn = await child.next()
    const how = turn.kind === 'failed' ? turn.code : turn.kind
    this.totals.zombies[how] = (this.totals.zombies[how] ?? 0) + 1
    if (turn.kind === 'failed' || turn.kind === 'done') this.#pool.give(child)
    else this.#pool.replace(child)
    return how
  }

  /** Everything is settled, and nothing is kept but what a process that died was about to stage. */
  async #checkLog(schedule: Schedule, { kills, zombie }: Ran): Promise<void> {
    const { unsettled, orphans, resume } = await inspectLog(fileLog(this.#folderOf(schedule)))
    if (unsettled.length > 0) throw new Error(`${unsettled.length} batches are unsettled`)
    if (resume?.position !== schedule.job.rows) throw new Error(`the log ends at ${JSON.stringify(resume)}`)
    const most = zombie === undefined ? kills : kills + 1
    if (orphans > most) throw new Error(`${orphans} staged objects are left by ${most} processes`)
  }

  /** A catalog of thousands of tables would make each command slow. */
  async #finish(schedule: Schedule): Promise<void> {
    await this.count(schedule)
    await patiently(() => this.kusto.command(`.drop table ${schedule.table} ifexists`).rows())
  }

  /** Rows that are not in the table, and rows too many. */
  async count(schedule: Schedule): Promise<{ readonly lost: number; readonly duplicated: number }> {
    const { table, job, seed } = schedule
    const result = await patiently(() => this.kusto.read(table, { mode: 'single' }).table())
    const copies = new Map<string, number>()
    const [producers, ordinals] = [result.getChild('producer'), result.getChild('ordinal')]
    for (let row = 0; row < result.numRows; row++) {
      const key = `${String(producers?.get(row))}/${String(ordinals?.get(row))}`
      copies.set(key, (copies.get(key) ?? 0) + 1)
    }
    let lost = 0
    for (let ordinal = 0; ordinal < job.rows; ordinal++) if (!copies.has(`${seed}/${ordinal}`)) lost++
    const duplicated = result.numRows - (job.rows - lost)
    this.totals.lost += lost
    this.totals.duplicated += duplicated
    if (lost > 0 || duplicated > 0) this.failures.push(`${title(schedule)}: ${lost} lost, ${duplicated} duplicated`)
    return { lost, duplicated }
  }
}

/** How a schedule went. */
export interface Ran {
  kills: number
  /** Writers that had to be opened again. */
  conflicts: number
  /** By what each batch that a dead process had left was known to be in the table. */
  readonly recovered: string[]
  /** What a process that was taken over from ended with. */
  zombie: string | undefined
}

interface State {
  acknowledged: number
  isDone: boolean
  takeOver: boolean
  zombie: { readonly child: Child; readonly wakes: Life['wakes'] } | undefined
}

/** Faults of a schedule that its writers did not meet are met by whoever counts. */
async function patiently<R>(work: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 5) throw error
    }
  }
}

function title({ seed, job, lives, faults }: Schedule): string {
  return `seed ${seed} by ${job.commit} ${JSON.stringify({ job, lives, faults })}`
}
