/** One result in partitions: side by side here, by a plan in another process, and in threads that run your own module. */
import { KustoConnector, kql } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
await kusto.command('.set-or-append Numbers <| range n from 1 to 20000 step 1 | extend parity = n % 2').rows()

const read = kusto.read('Numbers', { partitions: 4, workers: 2, partitionBy: { kind: 'hash', column: 'n' } })
await using partitions = await read.partitions()
const counts = await Promise.all(
  Array.from(partitions, async (partition) => {
    let rows = 0
    for await (const batch of partition) rows += batch.numRows
    return rows
  }),
)
console.log('partitions', counts.length, 'rows', sum(counts))

// A plan is JSON without credentials: hand its text to any process that may read the cluster's storage.
const text = JSON.stringify(await kusto.read(kql`Numbers | where parity == 0`, { partitions: 2 }).plan())
await using elsewhere = new KustoConnector({ cluster: local.cluster, database: local.database })
const planned: number[] = []
for (let index = 0; index < 2; index++) {
  let rows = 0
  for await (const batch of elsewhere.readPartition(text, index)) rows += batch.numRows
  planned.push(rows)
}
await kusto.release(text)
console.log('by plan', sum(planned))

const totals = await read.forEachPartition(new URL('./sum-partition.js', import.meta.url), { data: { column: 'n' } })
console.log('in threads', sum(totals.map(Number)))

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
