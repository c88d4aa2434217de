import path from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { FuzzTotals } from './response-fuzz.ts'

/** `npm run fuzz -- --count 1000000 --run 2`: damaged response bodies, read in a thread that is watched. */
interface Outcome {
  readonly totals: FuzzTotals
  readonly failures: readonly string[]
  readonly peakBytes: number
}

/** A case that takes longer hangs. */
const HANG_MS = 60_000
/** Live bytes, JavaScript objects and buffers, that no run needs. */
const MOST_BYTES = 512 * 1024 * 1024

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, run: { type: 'string', default: '1' } },
})
const progress = new Int32Array(new SharedArrayBuffer(4))
const fixtures = path.resolve('fixtures/responses')
const run = Number(values.run)
const started = process.hrtime.bigint()
const worker = new Worker(new URL('./fuzz-worker.js', import.meta.url), {
  workerData: { fixtures, run, count: Number(values.count), progress },
  resourceLimits: { maxOldGenerationSizeMb: 1024 },
})

let last = -1
const watch = setInterval(() => {
  const at = Atomics.load(progress, 0)
  if (at === last) {
    console.error(`case ${at} of run ${run} hangs`)
    process.exit(1)
  }
  last = at
  console.error(`${at} cases`)
}, HANG_MS)

const outcome = await new Promise<Outcome>((resolve, reject) => {
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', (code) => {
    reject(new Error(`the thread ended with ${code} at case ${Atomics.load(progress, 0)} of run ${run}`))
  })
})
clearInterval(watch)
const seconds = Math.round(Number((process.hrtime.bigint() - started) / 1_000_000n) / 1000)
const peakMegabytes = Math.round(outcome.peakBytes / 1e6)
console.log(JSON.stringify({ fuzz: 'response', run, seconds, peakMegabytes, ...outcome.totals }))
if (outcome.failures.length > 0 || outcome.peakBytes > MOST_BYTES) process.exitCode = 1
