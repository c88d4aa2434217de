/** Streams a gzip file, and says which way it took; a larger one goes through the ingestion queue. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

const folder = await mkdtemp(join(tmpdir(), 'flights-'))
const small = join(folder, 'small.csv.gz')
const large = join(folder, 'large.csv.gz')
await writeFile(small, gzipSync('ATL,75\nLAX,12\n'))
await writeFile(large, gzipSync('JFK,61\n'.repeat(1000)))

try {
  await using local = await startLocalKusto()
  await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  await kusto.command('.create table Flights (origin: string, delay: int)').rows()
  await kusto.streamingPolicy('Flights').enable()

  for (const file of [small, large]) {
    const receipt = await kusto.ingestFile('Flights', file, {
      mode: 'streaming',
      maxRequestBytes: 4096,
      flushImmediately: true,
    })
    await receipt.completed({ timeoutMs: 60_000 })
    for (const { path, rawBytes, reason = 'it fits' } of receipt.pieces) console.log(path, rawBytes, reason)
  }
  console.log('rows', await kusto.read('Flights').count())
} finally {
  await rm(folder, { recursive: true })
}
