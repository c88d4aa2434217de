import { parentPort, workerData } from 'node:worker_threads'
import { fuzzCase, fuzzSeeds, type FuzzTotals } from './response-fuzz.ts'

/** Runs the cases of a fuzz run; `progress[0]` is the case at hand, for whoever watches. */
const { fixtures, run, count, progress } = workerData as {
  fixtures: string
  run: number
  count: number
  progress: Int32Array
}

// Most cases end in an error that nobody looks at.
Error.stackTraceLimit = 0

const seeds = fuzzSeeds(fixtures)
const totals: FuzzTotals = { cases: 0, refused: 0, compared: 0, passedOver: 0, rows: 0, slowestMs: 0 }
const failures: string[] = []
let peakBytes = 0
for (let index = 0; index < count; index++) {
  progress[0] = index
  try {
    fuzzCase(seeds, run, index, totals)
  } catch (error) {
    const failure = `case ${index} of run ${run}: ${error instanceof Error ? error.message : String(error)}`
    console.error(failure)
    failures.push(failure)
    if (failures.length >= 20) break
  }
  if (index % 1000 === 0) {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    peakBytes = Math.max(peakBytes, heapUsed + arrayBuffers)
  }
}
parentPort?.postMessage({ totals, failures, peakBytes }, [])
