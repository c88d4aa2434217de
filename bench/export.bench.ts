import { createReadStream } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { tableFromIPC } from 'apache-arrow'
import type { RecordBatch } from 'apache-arrow'
import { ParquetFile } from 'parquet-wasm/node'
import { benchmarkExport, benchmarkText, KustoConnector } from '../src/index.ts'
import { startLocalKusto } from '../src/local/index.ts'
import { FLIGHTS_FILE } from './flights-file.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 5)

/** The default sweep of `kusto-arrow bench export` on three million flights in the embedded Kusto: it measures the client. */
export async function main(): Promise<void> {
  await using local = await startLocalKusto()
  await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  const receipt = await kusto.write('Flights', flights(), { create: 'CreateIfNotExist', flushImmediately: true })
  await receipt.completed({ timeoutMs: 120_000 })
  const result = await benchmarkExport(kusto, 'Flights', { repetitions: REPETITIONS, maxSeconds: 120 * REPETITIONS })
  console.log(benchmarkText(result))
  console.log(JSON.stringify({ bench: 'export', ...result }))
}

async function* flights(): AsyncGenerator<RecordBatch> {
  const parquet = await ParquetFile.fromFile(new Blob([await buffer(createReadStream(FLIGHTS_FILE))]))
  for (let group = 0; group < parquet.metadata().numRowGroups(); group++) {
    const rows = await parquet.read({ rowGroups: [group], batchSize: 131_072 })
    yield* tableFromIPC(rows.intoIPCStream()).batches
  }
}
