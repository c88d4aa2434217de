/** A receipt that one program stores and another one completes, and the error of a blob that failed. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KustoConnector, KustoIngestError } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

// What is queued by message waits a while, as in a cluster.
await using local = await startLocalKusto({ batchingDelayMs: 5_000 })
const options = { cluster: local.cluster, database: local.database }
const rows = Array.from({ length: 5000 }, (_, n) => ({ n, text: `row ${n}` }))
const folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-example-'))
const file = join(folder, 'receipt.json')

// The first program: done when the service has the blobs in its queue.
{
  await using kusto = new KustoConnector(options)
  const receipt = await kusto.write('Rows', rows, { create: 'CreateIfNotExist', maxBlobBytes: 50_000 })
  await writeFile(file, JSON.stringify(receipt))
  console.log('queued', receipt.rows, 'commands', receipt.toJSON().commands)
}

// The second one, at any later time: waits for the rows, and says how it ended.
{
  await using kusto = new KustoConnector(options)
  const receipt = kusto.receipt(await readFile(file, 'utf8'))
  await receipt.completed({
    timeoutMs: 60_000,
    onEvent: (event) => {
      if (event.kind === 'ingestion-completed') console.log('succeeded', event.succeeded, 'failed', event.failed)
    },
  })
  console.log('rows', receipt.outcome?.rows, 'in the table', await kusto.read('Rows').count())
  console.log('checksum', receipt.blobs[0]?.sha256?.length)
}

// A table that is gone when its rows come: every blob is in the error, with the service's reason.
{
  await using kusto = new KustoConnector({ ...options, ingestion: 'queue' })
  await kusto.command('.create table Gone (n: long, text: string)').rows()
  const receipt = await kusto.write('Gone', rows, { maxBlobBytes: 50_000 })
  await kusto.command('.drop table Gone').rows()
  try {
    await receipt.completed({ timeoutMs: 60_000 })
  } catch (error) {
    if (!(error instanceof KustoIngestError)) throw error
    console.log(error.code, new Set(error.failures.map(({ errorCode }) => errorCode)))
  }
}
await rm(folder, { recursive: true })
