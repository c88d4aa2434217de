import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { FaultAction } from '../../src/local/index.ts'
import { randomOf } from './schedule.ts'
import type { Sample, SteadyJob } from './steady-child.ts'

export interface SteadyTotals {
  readonly samples: readonly Sample[]
  readonly faults: number
  readonly lost: number
  readonly duplicated: number
  /** What grew, and from what to what. */
  readonly grown: readonly string[]
}

const ACTIONS: readonly FaultAction[] = [
  { status: 503 },
  { status: 429, headers: { 'Retry-After': '1' } },
  { reset: true },
  { dropAnswer: true },
  { delayMs: 500 },
]
const FAULT_EVERY_MS = 2_000
/** What may come on top of the first third's median, as a share and absolutely. */
const ALLOWED = [
  { name: 'rssMegabytes', share: 0.25, more: 20 },
  { name: 'heapMegabytes', share: 0.25, more: 10 },
  { name: 'openFiles', share: 0, more: 12 },
  { name: 'sockets', share: 0, more: 12 },
  { name: 'logObjects', share: 0, more: 40 },
] as const

/** One writer for some time, with a fault of the service every two seconds, and what its process holds. */
export async function steady(
  script: string,
  {
    minutes,
    seed,
    onSample,
  }: { readonly minutes: number; readonly seed: number; readonly onSample: (sample: Sample) => void },
): Promise<SteadyTotals> {
  await using local = await startLocalKusto()
  await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  await kusto.command('.create table Steady (n: int)').rows()
  const folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-steady-'))
  const child = spawn(process.execPath, ['--expose-gc', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const random = randomOf(seed)
  let faults = 0
  const timer = setInterval(() => {
    const action = ACTIONS[Math.floor(random() * ACTIONS.length)] ?? { reset: true }
    local.faults.set([{ after: Math.floor(random() * 5), times: 1, action }])
    faults++
  }, FAULT_EVERY_MS)
  try {
    const seconds = minutes * 60
    const job: SteadyJob = {
      cluster: local.cluster,
      database: local.database,
      table: 'Steady',
      folder,
      seconds,
      everySeconds: Math.max(5, seconds / 60),
    }
    child.stdin.end(`${JSON.stringify(job)}\n`)
    const samples: Sample[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      const sample = JSON.parse(line) as Sample
      samples.push(sample)
      onSample(sample)
    }
    const [code] = (await ended) as [number | null]
    if (code !== 0) throw new Error(`the writer ended with ${code}`)
    clearInterval(timer)
    local.faults.clear()
    const result = await kusto.read('Steady', { mode: 'single', properties: { notruncation: true } }).table()
    const different = new Set(result.getChild('n') ?? []).size
    const written = samples.at(-1)?.rows ?? 0
    return { samples, faults, lost: written - different, duplicated: result.numRows - different, grown: grown(samples) }
  } finally {
    clearInterval(timer)
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

/** Compares the last third with the first one, after what a process needs to become warm. */
export function grown(samples: readonly Sample[]): readonly string[] {
  const warm = samples.slice(Math.ceil(samples.length / 5), -1)
  const third = Math.max(1, Math.floor(warm.length / 3))
  return ALLOWED.flatMap(({ name, share, more }) => {
    const before = median(warm.slice(0, third).map((sample) => sample[name]))
    const after = median(warm.slice(-third).map((sample) => sample[name]))
    return after > before * (1 + share) + more ? [`${name} from ${before} to ${after}`] : []
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}
