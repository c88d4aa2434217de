import { KustoConnector } from '../src/index.ts'
import { jobOfProcess } from './child-process.ts'
import { type Cost, costOf } from './measure.ts'
import { watchMemory } from './peak-memory.ts'

// Runs in a fresh process: reads a streamed answer batch by batch, keeps none, and watches its own memory.

export interface StreamJob {
  readonly url: string
  readonly megabytes: number
  readonly compression: 'gzip' | 'identity'
  readonly batchRows: number
}

export interface StreamOutcome extends Cost {
  readonly rows: number
  readonly batches: number
  /** Sum over an int column and count of its nulls: what was read, not only how much. */
  readonly delaySum: number
  readonly delayNulls: number
  readonly startMb: number
  /** Resident memory over the start, by samples every 20 ms and by the kernel's own peak. */
  readonly sampledPeakMb: number
  readonly peakMb: number
}

const MB = 1024 * 1024

async function run({ url, megabytes, compression, batchRows }: StreamJob): Promise<StreamOutcome> {
  await using kusto = new KustoConnector({ cluster: url, database: 'bench', compression })
  const memory = watchMemory()
  let sampledMb = memory.startMb
  const sample = (): void => {
    sampledMb = Math.max(sampledMb, process.memoryUsage.rss() / MB)
  }
  const timer = setInterval(sample, 20)
  const found = { rows: 0, batches: 0, delaySum: 0, delayNulls: 0 }
  const cost = await costOf(async () => {
    for await (const batch of kusto.query(`stream ${megabytes}`, { batchRows })) {
      found.rows += batch.numRows
      found.batches++
      const delay = batch.getChild('Delay')?.data[0]
      if (delay === undefined) throw new Error('expected a column Delay')
      found.delayNulls += delay.nullCount
      const values = delay.values as Int32Array
      for (let row = 0; row < batch.numRows; row++) if (delay.getValid(row)) found.delaySum += values[row] ?? NaN
      sample()
    }
  })
  clearInterval(timer)
  return {
    ...cost,
    ...found,
    startMb: memory.startMb,
    sampledPeakMb: sampledMb - memory.startMb,
    peakMb: memory.peakMb(),
  }
}

process.send?.(await run(jobOfProcess() as StreamJob))
