/** Streams JSON from a generator through a stored mapping, and record batches that a throttled service sends to the queue. */
import { tableFromArrays } from 'apache-arrow'
import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

async function* readings(): AsyncGenerator<string> {
  for (const celsius of [19.5, 21, 20.25]) yield `${JSON.stringify({ sensor: 'roof', celsius })}\n`
}

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
await kusto.command('.create table Readings (sensor: string, celsius: real)').rows()
const mapping = [
  { column: 'sensor', Properties: { Path: '$.sensor' } },
  { column: 'celsius', Properties: { Path: '$.celsius' } },
]
await kusto.command(`.create table Readings ingestion json mapping "ReadingsJson" '${JSON.stringify(mapping)}'`).rows()

const streamed = await kusto.ingestStream('Readings', readings(), {
  mode: 'streaming',
  format: 'json',
  ingestionMappingReference: 'ReadingsJson',
})
console.log('stream', streamed.counts.streamed)

local.faults.set([{ match: { path: '/v1/rest/ingest/' }, action: { status: 429, headers: { 'Retry-After': '3600' } } }])
const batch = tableFromArrays({ sensor: ['door', 'door'], celsius: Float64Array.of(5, 6) })
const receipt = await kusto.write('Readings', batch, {
  mode: 'streaming',
  flushImmediately: true,
  onEvent: (event) => {
    if (event.kind === 'circuit-opened') console.log('not tried for', event.forMs, 'ms:', event.reason)
  },
})
await receipt.completed({ timeoutMs: 60_000 })
console.log('queued', receipt.counts.queued)
console.log('rows', await kusto.read('Readings').count())
