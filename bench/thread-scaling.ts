import { once } from 'node:events'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { deflateRawSync } from 'node:zlib'
import { median, round } from './measure.ts'

/** How many times as fast two threads do the same work side by side as one does it twice: what a second thread can gain here. */
export interface ThreadScaling {
  /** Deflating one megabyte again and again. */
  readonly deflate: number
  /** Filling fresh memory. */
  readonly memory: number
}

type Work = keyof ThreadScaling

const REPETITIONS = 7

/** Measures the machine and not us: loops that share nothing, in two threads that are warm. */
export async function threadScaling(): Promise<ThreadScaling> {
  const threads = [0, 1].map(() => new Worker(new URL(import.meta.url)))
  const slowest = async (work: Work, count: number): Promise<number> => {
    const runs = threads.slice(0, count).map(async (thread) => {
      const answer = once(thread, 'message')
      thread.postMessage(work, [])
      return Number((await answer)[0])
    })
    return Math.max(...(await Promise.all(runs)))
  }
  const scaling = async (work: Work): Promise<number> => {
    await slowest(work, 2)
    const [one, two]: [number[], number[]] = [[], []]
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      one.push(await slowest(work, 1))
      two.push(await slowest(work, 2))
    }
    return round((2 * median(one)) / median(two))
  }
  try {
    return { deflate: await scaling('deflate'), memory: await scaling('memory') }
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}

function serve(): void {
  const text = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => 48 + ((index * 7919) % 23)))
  const loops: Readonly<Record<Work, () => void>> = {
    deflate: () => {
      for (let turn = 0; turn < 12; turn++) deflateRawSync(text, { level: 1 })
    },
    memory: () => {
      for (let turn = 0; turn < 4; turn++) new Uint8Array(1 << 26).fill(1)
    },
  }
  parentPort?.on('message', (work: Work) => {
    const start = performance.now()
    loops[work]()
    parentPort?.postMessage(performance.now() - start, [])
  })
}

if (!isMainThread) serve()
