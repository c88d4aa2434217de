import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { Table, tableToIPC } from 'apache-arrow'
import { inFreshProcess, type ServerProcess, startServer } from './child-process.ts'
import { machine, median, ratioOf, round, summarize } from './measure.ts'
import type { Totals } from './serve-ingestion.ts'
import type { WriteJob, WriteOutcome } from './write-job.ts'
import { compareCells, makeTable, withDuckDb } from './write-tables.ts'

const REPETITIONS = Number(process.env['BENCH_REPETITIONS'] ?? 5)
const SERVER = 'serve-ingestion.js'
const COLUMNS = 'date:datetime,delay:int,distance:int,origin:string,destination:string'
const TYPES = `{'date': 'timestamp', 'delay': 'int', 'distance': 'int', 'origin': 'varchar', 'destination': 'varchar'}`
type Side = WriteJob['side']
const SIDES: readonly Side[] = ['ours', 'oursThread', 'official', 'officialWhole']

/**
 * Three million flights in memory to a service that takes everything, in a process of its own: `kusto.write` with its
 * defaults, and encoded in a thread, against azure-kusto-ingest with the same rows from csv-stringify, streamed or as one text.
 * Every run is a fresh process. Before
 * times are taken the service keeps the blobs of a run of each side, and DuckDB compares all their cells.
 */
export async function main(): Promise<void> {
  const facts = machine()
  const result = await withDuckDb(async (connection, folder) => {
    const path = join(folder, 'flights.arrow')
    const batches = await makeTable(connection, folder, 'flights')
    writeFileSync(path, tableToIPC(new Table([...batches]), 'stream'))
    const bytes = await check(connection, folder, path)
    await using server = await startServer([COLUMNS], SERVER)
    return await measure(server, path, bytes)
  })
  console.log(JSON.stringify({ bench: 'write', ...facts, must: { time: 5, memory: 3 }, ...result }))
}

/** What each side sends, by bytes, once all of it was found right. */
async function check(connection: DuckDBConnection, folder: string, path: string): Promise<Record<Side, number>> {
  const bytes: Record<Side, number> = { ours: 0, oursThread: 0, official: 0, officialWhole: 0 }
  for (const side of SIDES) {
    const kept = join(folder, side)
    mkdirSync(kept)
    await using server = await startServer([COLUMNS, kept], SERVER)
    await inFreshProcess<WriteOutcome>('write-job.js', { url: server.url, side, path } satisfies WriteJob)
    const totals = await totalsOf(server)
    const files = totals.queued.map((name) => `'${join(kept, name)}'`).join(', ')
    const from =
      side === 'ours' || side === 'oursThread'
        ? `read_parquet([${files}])`
        : `read_csv([${files}], header = false, compression = 'none', columns = ${TYPES})`
    await compareCells(connection, 'flights', from)
    bytes[side] = totals.bytes
  }
  return bytes
}

async function measure(server: ServerProcess, path: string, bytes: Record<Side, number>): Promise<object> {
  const outcomes: Record<Side, WriteOutcome[]> = { ours: [], oursThread: [], official: [], officialWhole: [] }
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    for (const side of SIDES) {
      const job: WriteJob = { url: server.url, side, path }
      outcomes[side].push(await inFreshProcess<WriteOutcome>('write-job.js', job))
      const totals = await totalsOf(server)
      if (totals.bytes !== bytes[side]) throw new Error(`expected ${bytes[side]} bytes, found ${totals.bytes}`)
    }
  }
  const [ours, thread] = [summaryOf(outcomes.ours), summaryOf(outcomes.oursThread)]
  const [official, whole] = [summaryOf(outcomes.official), summaryOf(outcomes.officialWhole)]
  return {
    rows: outcomes.ours[0]?.rows,
    megabytes: { ours: round(bytes.ours / 1e6), official: round(bytes.official / 1e6) },
    ours,
    oursThread: thread,
    official,
    officialWhole: whole,
    ratioToOfficial: ratioOf(ours, official),
    ratioToOfficialWhole: ratioOf(ours, whole),
    memoryRatioToOfficial: round(official.peakMb / ours.peakMb),
    memoryRatioToOfficialWhole: round(whole.peakMb / ours.peakMb),
    threadMemoryRatioToOfficial: round(official.peakMb / thread.peakMb),
    threadMemoryRatioToOfficialWhole: round(whole.peakMb / thread.peakMb),
  }
}

function summaryOf(outcomes: readonly WriteOutcome[]): ReturnType<typeof summarize> & { readonly peakMb: number } {
  return { ...summarize(outcomes), peakMb: round(median(outcomes.map(({ peakMb }) => peakMb))) }
}

async function totalsOf({ url }: ServerProcess): Promise<Totals> {
  return (await (await fetch(`${url}/totals`)).json()) as Totals
}
