import { inFreshProcess, startServer } from './child-process.ts'
import type { HttpJob, HttpOutcome, HttpSide } from './http-job.ts'
import { machine, median, type Ratio, ratioOf, round, summarize, type Summary } from './measure.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 5)
/** azure-kusto-data takes tens of seconds a time. */
const SLOW_REPETITIONS = Math.min(2, REPETITIONS)
const QUERIES = ['flights', 'mixed'] as const
const SIDES = ['ours', 'ours-identity', 'fetch-json', 'azure-kusto-data'] as const

type Side = (typeof SIDES)[number]

interface SideResult extends Summary {
  readonly peakMb: number
}

/**
 * A gzipped answer over loopback to an Arrow table, by the connector and by azure-kusto-data with tableFromJSON; and to
 * mere JSON by fetch. Each read in a process of its own, one after another in turns, from making the client to having the
 * answer. All cells are compared before times are taken. `ours-identity` asks for no compression.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const server = await startServer(QUERIES)
  try {
    const results: object[] = []
    for (const query of QUERIES) results.push(await measure(server.url, query))
    console.log(JSON.stringify({ bench: 'http', ...facts, must: { azureKustoData: 10, fetchJson: 3 }, results }))
  } finally {
    await server.stop()
  }
}

async function measure(url: string, query: string): Promise<object> {
  const run = (side: HttpSide): Promise<HttpOutcome> =>
    inFreshProcess<HttpOutcome>('http-job.js', { side, url, query } satisfies HttpJob)
  const { rows } = await run('compare')
  const outcomes: Record<Side, HttpOutcome[]> = {
    ours: [],
    'ours-identity': [],
    'fetch-json': [],
    'azure-kusto-data': [],
  }
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    for (const side of SIDES) {
      if (side === 'azure-kusto-data' && repetition >= SLOW_REPETITIONS) continue
      const outcome = await run(side)
      if (outcome.rows !== rows) throw new Error(`expected ${rows} rows by ${side}, found ${outcome.rows}`)
      outcomes[side].push(outcome)
    }
  }
  const ours = resultOf(outcomes.ours)
  const identity = resultOf(outcomes['ours-identity'])
  const json = resultOf(outcomes['fetch-json'])
  const sdk = resultOf(outcomes['azure-kusto-data'])
  return {
    query,
    rows,
    ours,
    oursIdentity: identity,
    fetchJson: json,
    azureKustoData: sdk,
    ratioToAzureKustoData: ratioOf(ours, sdk) satisfies Ratio,
    ratioToFetchJson: ratioOf(ours, json),
    ratioOfGzipToIdentity: ratioOf(identity, ours),
  }
}

function resultOf(outcomes: readonly HttpOutcome[]): SideResult {
  return { ...summarize(outcomes), peakMb: round(median(outcomes.map(({ peakMb }) => peakMb))) }
}
