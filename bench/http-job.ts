import { jobOfProcess } from './child-process.ts'
import { readJson, readOurs, readSdk } from './http-reads.ts'
import { type Cost, costOf } from './measure.ts'
import { watchMemory } from './peak-memory.ts'
import { compareWithJson, compareWithSdk } from './same-cells.ts'

// Runs in a fresh process: one read of one body by one side, from making the client to having the answer.

/** `fetch-json` stops at the parsed frames; the others make an Arrow table. `compare` reads all of them and throws when they differ. */
export type HttpSide = 'ours' | 'ours-identity' | 'azure-kusto-data' | 'fetch-json' | 'compare'

export interface HttpJob {
  readonly side: HttpSide
  readonly url: string
  readonly query: string
}

export interface HttpOutcome extends Cost {
  readonly rows: number
  /** Peak of resident memory over what the process held before the read. */
  readonly peakMb: number
}

const SIDES: Readonly<Record<HttpSide, (url: string, query: string) => Promise<number>>> = {
  ours: async (url, query) => (await readOurs(url, query, 'gzip')).numRows,
  'ours-identity': async (url, query) => (await readOurs(url, query, 'identity')).numRows,
  'azure-kusto-data': async (url, query) => (await readSdk(url, query)).numRows,
  'fetch-json': async (url, query) => (await readJson(url, query)).length,
  compare: async (url, query) => {
    const ours = await readOurs(url, query, 'gzip')
    compareWithJson(ours, await readJson(url, query))
    compareWithSdk(ours, await readSdk(url, query))
    return ours.numRows
  },
}

async function run({ side, url, query }: HttpJob): Promise<HttpOutcome> {
  const memory = watchMemory()
  let rows = 0
  const cost = await costOf(async () => {
    rows = await SIDES[side](url, query)
  })
  return { ...cost, rows, peakMb: memory.peakMb() }
}

process.send?.(await run(jobOfProcess() as HttpJob))
