import { Table, tableFromJSON } from 'apache-arrow'
import { Client, type KustoResultRow } from 'azure-kusto-data'
import { KustoConnector } from '../src/index.ts'

interface Frame {
  readonly TableKind?: string
  readonly Rows?: readonly (readonly unknown[])[]
}

/** Through the connector, to a table. */
export async function readOurs(url: string, query: string, compression: 'gzip' | 'identity'): Promise<Table> {
  await using kusto = new KustoConnector({ cluster: url, database: 'bench', compression })
  return await kusto.query(query).table()
}

/** As its readers do it: rows of the primary result, made into columns. */
export async function readSdk(url: string, query: string): Promise<Table> {
  const client = new Client(url)
  const { primaryResults } = await client.execute('bench', query)
  client.close()
  const rows = [...(primaryResults[0]?.rows() ?? [])] as KustoResultRow[]
  return tableFromJSON(rows.map((row): Record<string, unknown> => row.toJSON()))
}

/** The rows of the primary result as JSON.parse makes them. */
export async function readJson(url: string, query: string): Promise<readonly (readonly unknown[])[]> {
  const response = await fetch(`${url}/v2/rest/query`, {
    method: 'POST',
    body: JSON.stringify({ db: 'bench', csl: query }),
  })
  const frames = (await response.json()) as readonly Frame[]
  return frames.find(({ TableKind }) => TableKind === 'PrimaryResult')?.Rows ?? []
}
