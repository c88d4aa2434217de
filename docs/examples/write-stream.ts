/** Writes what a generator gives, at least once, and remembers which of it is written. */
import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

async function* readings(): AsyncGenerator<{ offset: number; sensor: string; celsius: number }> {
  for (let offset = 0; offset < 2500; offset++)
    yield { offset, sensor: `s${offset % 7}`, celsius: 20 + (offset % 10) / 4 }
}

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })

let written: unknown
const flushed = await kusto.writeStream('Readings', readings(), {
  create: 'CreateIfNotExist',
  maxBatchRows: 1000,
  acknowledge: 'ingested',
  flushImmediately: true,
  positionOf: ({ offset }) => offset,
  onAck: (offset) => {
    written = offset
  },
  onEvent: (event) => {
    if (event.kind === 'batch-sealed') console.log('batch of', event.rows, 'ended by', event.reason)
  },
})
console.log('written', flushed.rows, 'up to', written)
console.log('rows', await kusto.read('Readings').count())
