/**
 * The main job, end to end, on the embedded Kusto: three million flights go into a new table through queued ingestion and
 * come back as Arrow through a distributed read, and checksums prove that the rows are the same.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { type RecordBatch, tableFromIPC } from 'apache-arrow'
import { KustoConnector, kql } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'
import { ParquetFile } from 'parquet-wasm/node'
import { Checksum } from './checksum.ts'
import { Report } from './report.ts'

const TABLE = 'Flights'
const PARTITIONS = 4
const WORKERS = 2

interface DemoOptions {
  /** A Parquet file whose columns are integers, timestamps and strings. */
  readonly file: string
  readonly report: Report
}

async function demo({ file, report }: DemoOptions): Promise<void> {
  // First, so that a wrong path costs nothing.
  report.start('open the file')
  const parquet = await ParquetFile.fromFile(new Blob([readFileSync(file)]))
  report.end()

  report.start('start the embedded Kusto')
  await using local = await startLocalKusto()
  await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  report.end()

  const sent = new Checksum()
  report.start('write: encode, upload, queue')
  const receipt = await kusto.write(TABLE, flights(parquet, sent, report), {
    create: 'CreateIfNotExist',
    flushImmediately: true,
    onEvent: (event) => {
      if (event.kind === 'blob-uploaded') report.progress(`${event.rows.toLocaleString('en')} rows in a blob uploaded`)
    },
  })
  report.end({ rows: receipt.rows, bytes: receipt.encodedBytes })

  report.start('write: wait for ingestion')
  await receipt.completed({
    timeoutMs: 60_000,
    onEvent: (event) => {
      if (event.kind === 'ingestion-waiting') report.progress(`${event.succeeded} blobs in, ${event.pending} to go`)
    },
  })
  report.end({ rows: receipt.rows })

  const origin = 'ATL'
  report.start('read: aggregate in one query (single)')
  const top = await kusto
    .read(
      kql`${kql.raw(TABLE)}
          | where origin == ${origin}
          | summarize flights = count(), meanDelay = avg(delay) by destination
          | top 3 by flights`,
      { mode: 'single' },
    )
    .table()
  report.end({ rows: top.numRows })

  const received = new Checksum()
  report.start(`read: whole table back, ${PARTITIONS} partitions, ${WORKERS} workers (distributed)`)
  let bytes = 0
  const read = kusto.read(TABLE, {
    mode: 'distributed',
    partitions: PARTITIONS,
    workers: WORKERS,
    onEvent: (event) => {
      if (event.kind === 'blob-read') bytes += event.bytes
      if (event.kind === 'batch') report.progress(`${received.rows.toLocaleString('en')} rows`)
    },
  })
  for await (const batch of read) received.add(batch)
  report.end({ rows: received.rows, bytes })

  report.answer(
    `busiest routes from ${origin}`,
    top.toArray().map((row) => row.toJSON()),
  )
  report.compare('sent', sent.result(), 'received', received.result())
}

/** The batches of a Parquet file, one row group in memory at a time: the writer pulls, nothing is read ahead of the upload. */
async function* flights(parquet: ParquetFile, sent: Checksum, report: Report): AsyncGenerator<RecordBatch> {
  for (let group = 0; group < parquet.metadata().numRowGroups(); group++) {
    const rows = await parquet.read({ rowGroups: [group], batchSize: 131_072 })
    for (const batch of tableFromIPC(rows.intoIPCStream()).batches) {
      sent.add(batch)
      report.progress(`${sent.rows.toLocaleString('en')} rows read from the file`)
      yield batch
    }
  }
}

function exampleFile(): string {
  const entry = createRequire(import.meta.url).resolve('vega-datasets')
  return path.join(entry.slice(0, entry.lastIndexOf('vega-datasets')), 'vega-datasets', 'data', 'flights-3m.parquet')
}

const report = new Report(process.stderr)
try {
  await demo({ file: process.argv[2] ?? exampleFile(), report })
} catch (error) {
  report.fail(error)
  process.exitCode = 1
}
