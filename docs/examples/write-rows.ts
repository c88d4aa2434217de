/** Rows of plain objects: text becomes what the table's columns hold, and a value that is none is named by column and row. */
import { KustoConnector, KustoDataError } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
await kusto.command('.create table Orders (id:guid, took:timespan, price:decimal, at:datetime, raw:dynamic)').rows()

const order = {
  id: '74be27de-1e4e-49d9-b579-fe0b331d3642',
  took: '1.02:03:04.5',
  price: '12.10',
  at: '2026-07-01T08:00:00.1234567Z',
  raw: '{"items":[1,2]}',
}
const receipt = await kusto.write('Orders', [order, { ...order, at: new Date(0), raw: { items: [] } }, { price: 3 }], {
  flushImmediately: true,
})
await receipt.completed({ timeoutMs: 60_000 })
const table = await kusto
  .query('Orders | where at > datetime(2000-01-01) | project strcat(id, " ", took, " ", price, " ", raw)')
  .table()
console.log(table.getChildAt(0)?.get(0))

try {
  await kusto.write('Orders', [order, { ...order, took: 'an hour' }])
} catch (error) {
  if (!(error instanceof KustoDataError)) throw error
  console.log(error.code, error.column, error.row)
}

async function* readings(): AsyncGenerator<{ sensor: string; value: number | null }> {
  yield { sensor: 'a', value: 1 }
  yield { sensor: 'b', value: 1.5 }
  yield { sensor: 'c', value: null }
}
const made = await kusto.write('Readings', readings(), { create: 'CreateIfNotExist', flushImmediately: true })
await made.completed({ timeoutMs: 60_000 })
console.log('Readings', (await kusto.command('.show table Readings cslschema').rows()).rows[0]?.text('Schema'))
console.log('rows', await kusto.read('Readings').count())
