/** Writes that become visible at once or not at all, and replacements. */
import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })

const flights = (day: string, count: number): readonly { day: string; flight: number }[] =>
  Array.from({ length: count }, (_, flight) => ({ day, flight }))

// Loaded into a hidden table, counted there, and moved by one command. The name keeps a second write of the same day out.
const monday = {
  mode: 'transactional',
  create: 'CreateIfNotExist',
  dropByTags: ['monday'],
  ingestByTags: ['monday'],
  ingestIfNotExists: ['monday'],
} as const
const receipt = await kusto.write('Flights', flights('monday', 1000), monday)
console.log('first', receipt.rows, receipt.toJSON().transaction?.kind, receipt.toJSON().commands)
const again = await kusto.write('Flights', flights('monday', 1000), monday)
console.log('again', again.rows, again.skipped)
console.log('rows', await kusto.read('Flights').count())

// In the place of what carries the tag; other rows stay.
await kusto.write('Flights', flights('tuesday', 500), { mode: 'transactional' })
const corrected = await kusto.write('Flights', flights('monday', 900), { mode: 'replace', replaceTag: 'monday' })
console.log('corrected', corrected.toJSON().transaction?.kind, await kusto.read('Flights').count())

// In the place of the whole table.
await kusto.write('Flights', flights('sunday', 10), { mode: 'replace' })
console.log('replaced', await kusto.read('Flights').count())

console.log('left', (await kusto.stagingTables()).length)
