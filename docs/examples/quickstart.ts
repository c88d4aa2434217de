/** The ten lines of the README, with rows to write. */
import { tableFromArrays } from 'apache-arrow'
import { KustoConnector, kql } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

const table = tableFromArrays({
  origin: ['ATL', 'LAX', 'ATL', 'JFK'],
  delay: Int32Array.of(75, 12, 90, 61),
})

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })

const receipt = await kusto.write('Flights', table, { create: 'CreateIfNotExist' }) // an arrow.Table, batches, rows ...
await receipt.completed({ timeoutMs: 60_000 })
const late = await kusto.read(kql`Flights | where delay > ${60} | summarize count() by origin`).table()
console.table(late.toArray().map((row) => row.toJSON()))
for await (const batch of kusto.read('Flights', { mode: 'distributed', partitions: 4 })) console.log(batch.numRows)
