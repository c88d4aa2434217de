import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { type Table, tableFromIPC } from 'apache-arrow'
import { DataFormat, IngestClient, StreamDescriptor } from 'azure-kusto-ingest'
import { stringify } from 'csv-stringify'
import { stringify as stringifyAll } from 'csv-stringify/sync'
import { KustoConnector, type WriteOptions } from '../src/index.ts'
import { jobOfProcess } from './child-process.ts'
import { type Cost, costOf } from './measure.ts'
import { watchMemory } from './peak-memory.ts'

// Runs in a fresh process: sends a table that is in memory to the service, one way or the other, and watches its own memory.
// Modules of both sides are loaded before the watch begins; what a side loads only when it writes counts as its own.

export interface WriteJob {
  readonly url: string
  readonly side: 'ours' | 'oursThread' | 'official' | 'officialWhole'
  /** An Arrow IPC stream. */
  readonly path: string
}

export interface WriteOutcome extends Cost {
  readonly rows: number
  /** Resident memory over what the process held with the table loaded. */
  readonly startMb: number
  readonly peakMb: number
}

const SIDES: Readonly<Record<WriteJob['side'], (url: string, table: Table) => Promise<void>>> = {
  ours: writeOurs,
  /** In a thread, as rows of a stream would be. */
  oursThread: (url, table) => writeOurs(url, table, { encodeWorkers: 1 }),
  /** CSV goes into the upload while it is made. */
  official: (url, table) => writeOfficial(url, Readable.from(rowsOf(table)).pipe(stringify())),
  /** CSV is made as one text first. */
  officialWhole: (url, table) => writeOfficial(url, Readable.from([Buffer.from(stringifyAll([...rowsOf(table)]))])),
}

async function run({ url, side, path }: WriteJob): Promise<WriteOutcome> {
  const table = tableFromIPC(readFileSync(path))
  const memory = watchMemory()
  const cost = await costOf(() => SIDES[side](url, table))
  return { ...cost, rows: table.numRows, startMb: memory.startMb, peakMb: memory.peakMb() }
}

async function writeOurs(url: string, table: Table, options: WriteOptions = {}): Promise<void> {
  await using kusto = new KustoConnector({ cluster: url, database: 'bench' })
  const receipt = await kusto.write('Flights', table, options)
  if (receipt.rows !== table.numRows) throw new Error(`expected ${table.numRows} rows, found ${receipt.rows}`)
}

async function writeOfficial(url: string, csv: Readable): Promise<void> {
  const client = new IngestClient(url, { database: 'bench', table: 'Flights', format: DataFormat.CSV })
  try {
    await client.ingestFromStream(new StreamDescriptor(csv))
  } finally {
    client.close()
  }
}

/** Rows as csv-stringify takes them. Its own dates are milliseconds since 1970, which Kusto would not read as times. */
function* rowsOf(table: Table): Generator<readonly unknown[]> {
  for (const batch of table.batches) {
    const columns = batch.schema.fields.map((_, index) => batch.getChildAt(index))
    for (let row = 0; row < batch.numRows; row++) {
      const cells = columns.map((column) => column?.get(row) as unknown)
      cells[0] = new Date(cells[0] as number).toISOString()
      yield cells
    }
  }
}

process.send?.(await run(jobOfProcess() as WriteJob))
