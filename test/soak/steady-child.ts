import { readdirSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { tableFromArrays } from 'apache-arrow'
import { fileLog, KustoConnector } from '../../src/index.ts'

/** Writes to a table for some time, and tells what this process holds meanwhile. */
export interface SteadyJob {
  readonly cluster: string
  readonly database: string
  readonly table: string
  readonly folder: string
  readonly seconds: number
  readonly everySeconds: number
}

export interface Sample {
  readonly seconds: number
  readonly rows: number
  readonly rssMegabytes: number
  readonly heapMegabytes: number
  readonly openFiles: number
  readonly sockets: number
  /** Objects in the log. */
  readonly logObjects: number
}

const PAUSE_MS = 50
const ROWS = 20

async function run(job: SteadyJob): Promise<void> {
  const started = performance.now()
  const elapsed = (): number => (performance.now() - started) / 1000
  await using kusto = new KustoConnector({ cluster: job.cluster, database: job.database })
  await using writer = kusto.writer(job.table, {
    delivery: 'exactly-once',
    log: fileLog(job.folder),
    format: 'csv',
    flushImmediately: true,
    maxBatchAgeMs: 500,
    inDoubtMs: 1_500,
  })
  let rows = 0
  let told = 0
  while (elapsed() < job.seconds) {
    await writer.write(tableFromArrays({ n: Int32Array.from({ length: ROWS }, (_, row) => rows + row) }), {
      position: rows + ROWS,
    })
    rows += ROWS
    await sleep(PAUSE_MS)
    if (elapsed() - told < job.everySeconds) continue
    told = elapsed()
    say(sample(told, rows, job.folder))
  }
  await writer.close()
  say(sample(elapsed(), rows, job.folder))
}

function sample(seconds: number, rows: number, folder: string): Sample {
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  const files = readdirSync('/proc/self/fd')
  return {
    seconds: Math.round(seconds),
    rows,
    rssMegabytes: Math.round(rss / 1e6),
    heapMegabytes: Math.round(heapUsed / 1e6),
    openFiles: files.length,
    sockets: files.filter((file) => linkOf(file).startsWith('socket:')).length,
    logObjects: readdirSync(folder, { recursive: true }).length,
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${file}`)
  } catch {
    return ''
  }
}

const say = (word: Sample): void => console.log(JSON.stringify(word))

for await (const line of createInterface({ input: process.stdin })) await run(JSON.parse(line) as SteadyJob)
