import { statSync } from 'node:fs'
import { inFreshProcess } from './child-process.ts'
import { FILES, FLIGHTS_ROWS, flightsFiles } from './flights-parquet.ts'
import { type Cost, machine, ratioOf, round, summarize } from './measure.ts'
import type { ParquetWorkersJob, ParquetWorkersOutcome } from './parquet-workers-job.ts'
import { threadScaling } from './thread-scaling.ts'

const ROUNDS = Number(process.env['BENCH_REPETITIONS'] ?? 5)
const OF_A_PROCESS = { warmUp: 3, repetitions: 5 }
/** Threads of each side; 0 is the calling thread. */
const SIDES = [0, 2, 1]

/**
 * The eight files of the `parquet` bench through decoding threads, against the same code on the calling thread. Each side
 * in processes of its own, in turns, five reads in each after four that warm it up; each read has copies of its own, made
 * before the clock starts. Digests of all buffers are compared first.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const twoThreadsHere = await threadScaling()
  using files = await flightsFiles()
  const sides = SIDES.map((workers) => ({ workers, costs: [] as Cost[] }))
  let expected: string | undefined
  for (let round = 0; round < ROUNDS; round++) {
    for (const { workers, costs } of sides) {
      const job: ParquetWorkersJob = { paths: files.paths, workers, ...OF_A_PROCESS }
      const outcome = await inFreshProcess<ParquetWorkersOutcome>('parquet-workers-job.js', job)
      expected ??= outcome.digest
      if (outcome.digest !== expected) throw new Error(`expected the same buffers of ${workers} threads`)
      costs.push(...outcome.costs)
    }
  }
  const [inline, ...threads] = sides.map(({ workers, costs }) => ({ workers, summary: summarize(costs) }))
  if (inline === undefined) throw new Error('expected at least one side')
  const results = threads.map(({ workers, summary }) => {
    return { workers, threads: summary, ratio: ratioOf(summary, inline.summary) }
  })
  const megabytes = round(files.paths.reduce((sum, path) => sum + statSync(path).size, 0) / 1e6)
  const sizes = { files: FILES, rows: FLIGHTS_ROWS, megabytes }
  console.log(
    JSON.stringify({
      bench: 'parquet-workers',
      ...facts,
      must: { workers2: 1 },
      twoThreadsHere,
      ...sizes,
      inline: inline.summary,
      results,
    }),
  )
}
