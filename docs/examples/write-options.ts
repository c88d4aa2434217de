/** Options of a write: what it would do, tags, a write that is not repeated, a mapping, and the blob of each row. */
import { tableFromArrays } from 'apache-arrow'
import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
await kusto.command('.create table Flights (origin:string, delay:int)').rows()

const flights = tableFromArrays({ origin: ['ATL', 'LAX'], delay: Int32Array.of(12, 3), gate: ['A1', 'B7'] })

const refused = await kusto.write('Flights', flights, { explain: true })
console.log('as it is:', refused.fails?.code, refused.differences.map(({ kind, column }) => `${kind} ${column}`).join())
const adding = await kusto.write('Flights', flights, { adjustSchema: 'AddColumns', explain: true })
console.log(String(adding))

const once = { adjustSchema: 'AddColumns', ingestByTags: ['day-1'], ingestIfNotExists: ['day-1'] } as const
for (const attempt of [1, 2]) {
  const receipt = await kusto.write('Flights', flights, { ...once, dropByTags: ['july'], flushImmediately: true })
  await receipt.completed({ timeoutMs: 60_000 })
  console.log('attempt', attempt, receipt.skipped ? 'skipped' : `${receipt.rows} rows`)
}

const mapped = await kusto.write('Flights', tableFromArrays({ minutes: Int32Array.of(40), from: ['JFK'] }), {
  ingestionMapping: [
    { column: 'origin', ordinal: 1 },
    { column: 'delay', ordinal: 0 },
    { column: 'gate', constValue: 'none' },
  ],
  flushImmediately: true,
})
await mapped.completed({ timeoutMs: 60_000 })

const traced = await kusto.write('Flights', flights.slice(0, 1), {
  adjustSchema: 'AddColumns',
  sourceLocationColumn: 'came_in',
  creationTime: new Date('2026-01-01'),
  flushImmediately: true,
})
await traced.completed({ timeoutMs: 60_000 })
const known = await kusto.query('Flights | where isnotempty(came_in) | count').table()
console.log('rows with the URL of their blob', String(known.getChildAt(0)?.get(0)))
console.log('rows', await kusto.read('Flights').count())
