import { inFreshProcess, startServer } from './child-process.ts'
import { machine, round } from './measure.ts'
import { type StreamedAnswer, streamedAnswers } from './stream-frames.ts'
import type { StreamJob, StreamOutcome } from './stream-job.ts'

const SIZES_MB = [100, 300, 1000]
const MUST_MB = 96
/** The default of both options; smaller batches for readers that are short of memory; no compression. */
const READS = [
  { compression: 'gzip', batchRows: 65_536 },
  { compression: 'gzip', batchRows: 8192 },
  { compression: 'identity', batchRows: 65_536 },
] as const

/**
 * Peak memory of `for await` over an answer of up to 1 GB whose batches are dropped, over what the process held before it.
 * The server makes the frames while it sends them. Each read runs in a process of its own. Rows, sums and nulls are
 * compared with what was sent.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const answers = streamedAnswers()
  const server = await startServer(['stream'])
  try {
    const results: object[] = []
    const peaks: number[] = []
    for (const read of READS) {
      for (const megabytes of SIZES_MB) {
        const job: StreamJob = { url: server.url, megabytes, ...read }
        const outcome = await inFreshProcess<StreamOutcome>('stream-job.js', job)
        check(outcome, answers(megabytes * 1e6))
        peaks.push(outcome.peakMb)
        results.push({ ...read, megabytes, ...rounded(outcome) })
      }
    }
    const highest = round(Math.max(...peaks))
    const result = { bench: 'stream-memory', ...facts, mustMb: MUST_MB, highestPeakMb: highest, results }
    console.log(JSON.stringify({ ...result, ratio: round(highest / MUST_MB) }))
  } finally {
    await server.stop()
  }
}

function check(found: StreamOutcome, { expected }: StreamedAnswer): void {
  for (const name of ['rows', 'delaySum', 'delayNulls'] as const) {
    if (found[name] !== expected[name]) throw new Error(`expected ${name} ${expected[name]}, found ${found[name]}`)
  }
}

function rounded(outcome: StreamOutcome): Record<string, number> {
  return Object.fromEntries(Object.entries(outcome).map(([name, value]: [string, number]) => [name, round(value)]))
}
