import { tableFromJSON } from 'apache-arrow'
import { Client, type KustoResultRow } from 'azure-kusto-data'
import { KustoConnector } from '../src/index.ts'
import { startServer } from './child-process.ts'
import { type Cost, costOf, machine, ratioOf, summarize, type Summary } from './measure.ts'
import { compareWithSdk } from './same-cells.ts'

const QUERY = 'small'
const ROWS = 100
const WARM_UP = 100
const CALLS = Number(process.env['BENCH_CALLS'] ?? 400)

/** Every order in turn: what one side leaves to the collector, the next one pays. */
const ORDERS = [
  ['ours', 'azureKustoDataRows', 'azureKustoDataTable'],
  ['azureKustoDataTable', 'azureKustoDataRows', 'ours'],
  ['azureKustoDataRows', 'ours', 'azureKustoDataTable'],
  ['azureKustoDataTable', 'ours', 'azureKustoDataRows'],
  ['azureKustoDataRows', 'azureKustoDataTable', 'ours'],
  ['ours', 'azureKustoDataTable', 'azureKustoDataRows'],
] as const

/**
 * Milliseconds of a query of 100 rows and 12 columns on warm clients, against a loopback server that answers at once. All
 * sides take turns in one process. azure-kusto-data is measured twice: `execute` alone, whose rows are still raw JSON, and
 * with the Arrow table that the connector gives.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const server = await startServer([QUERY])
  const client = new Client(server.url)
  const kusto = new KustoConnector({ cluster: server.url, database: 'bench' })
  const execute = async (): Promise<readonly KustoResultRow[]> => {
    const { primaryResults } = await client.execute('bench', QUERY)
    return [...(primaryResults[0]?.rows() ?? [])] as KustoResultRow[]
  }
  const sides = {
    ours: async () => (await kusto.query(QUERY).table()).numRows,
    azureKustoDataRows: async () => (await execute()).length,
    azureKustoDataTable: async () =>
      tableFromJSON((await execute()).map((row): Record<string, unknown> => row.toJSON())).numRows,
  }
  try {
    const rows = (await execute()).map((row): Record<string, unknown> => row.toJSON())
    compareWithSdk(await kusto.query(QUERY).table(), tableFromJSON(rows), { every: 1 })
    const costs: Record<keyof typeof sides, Cost[]> = { ours: [], azureKustoDataRows: [], azureKustoDataTable: [] }
    for (let call = 0; call < WARM_UP + CALLS; call++) {
      for (const side of ORDERS[call % ORDERS.length] ?? []) {
        const cost = await costOf(async () => check(await sides[side]()), { collect: false })
        if (call >= WARM_UP) costs[side].push(cost)
      }
    }
    const ours = brief(costs.ours)
    const [sdkRows, sdkTable] = [brief(costs.azureKustoDataRows), brief(costs.azureKustoDataTable)]
    console.log(
      JSON.stringify({
        bench: 'latency',
        ...facts,
        must: { azureKustoDataRows: 1 },
        rows: ROWS,
        calls: CALLS,
        ours,
        azureKustoDataRows: sdkRows,
        azureKustoDataTable: sdkTable,
        ratioToAzureKustoDataRows: ratioOf(ours, sdkRows),
        ratioToAzureKustoDataTable: ratioOf(ours, sdkTable),
      }),
    )
  } finally {
    client.close()
    await kusto.close()
    await server.stop()
  }
}

function check(rows: number): void {
  if (rows !== ROWS) throw new Error(`expected ${ROWS} rows, found ${rows}`)
}

/** Without the hundreds of single times. */
function brief(costs: readonly Cost[]): Omit<Summary, 'timesMs'> {
  const { timesMs: _, ...summary } = summarize(costs)
  return summary
}
