/** Writes numbered micro-batches, of which one comes again after a restart. */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { tableFromArrays } from 'apache-arrow'
import { fileLog, KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
const checkpoint = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-checkpoint-'))
const batch = (id: number): ReturnType<typeof tableFromArrays> => tableFromArrays({ id: Int32Array.of(id, id, id) })

try {
  for (const ids of [
    [0, 1],
    [1, 2],
  ]) {
    await using sink = kusto.microBatchSink('Batches', {
      checkpoint: fileLog(checkpoint),
      create: 'CreateIfNotExist',
      flushImmediately: true,
    })
    for (const id of ids) {
      const { rows, skipped } = await sink.addBatch(id, batch(id))
      console.log('batch', id, skipped ? 'was there' : `${rows} rows`)
    }
  }
  console.log('rows', await kusto.read('Batches').count())
} finally {
  await rm(checkpoint, { recursive: true, force: true })
}
