/** Blobs staged in a container of one's own: kept there, or deleted by the service once they are ingested. */
import { ContainerClient } from '@azure/storage-blob'
import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })

// A container of the embedded Kusto's storage stands for one of yours; its URL carries a signature.
const { rows } = await kusto.command('.create tempstorage', { endpoint: 'ingestion' }).rows()
const url = rows[0]?.text('StorageRoot') ?? ''
const container = new ContainerClient(url)
const blobs = async (): Promise<number> => {
  const names: string[] = []
  for await (const { name } of container.listBlobsFlat()) names.push(name)
  return names.length
}

const ingestionStorage = { kind: 'sas', url } as const
const flights = [
  { origin: 'ATL', delay: 75 },
  { origin: 'LAX', delay: 12 },
]
const receipt = await kusto.write('Flights', flights, { create: 'CreateIfNotExist', ingestionStorage })
await receipt.completed({ timeoutMs: 60_000 })
console.log('rows', await kusto.read('Flights').count(), 'blobs kept', await blobs())

// Your blob, under the name in the receipt. It holds no signature.
const name = receipt.blobs[0]?.url.split('/').at(-1) ?? ''
await container.deleteBlob(name)

const second = await kusto.write('Flights', flights, { ingestionStorage, deleteIngestedBlobs: true })
await second.completed({ timeoutMs: 60_000 })
while ((await blobs()) > 0) await new Promise((resolve) => setTimeout(resolve, 50))
console.log('rows', await kusto.read('Flights').count(), 'blobs kept', await blobs())
