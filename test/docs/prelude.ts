/** What the snippets of the pages take as given: a connector on an embedded Kusto, data, and the tables that the pages name. */
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { tableFromArrays } from 'apache-arrow'
import type { RecordBatch, Table } from 'apache-arrow'
import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

export { KustoConnector }

const local = await startLocalKusto()
export const cluster: string = local.cluster
export const database: string = local.database
export const kusto = new KustoConnector({ cluster, database })

export const table: Table = tableFromArrays({
  origin: ['ATL', 'LAX', 'ATL', 'JFK'],
  delay: Int32Array.of(75, 12, 90, 61),
})

/** Batches of the same columns, each time anew. */
export const batches: AsyncIterable<RecordBatch> = {
  async *[Symbol.asyncIterator]() {
    yield* table.batches
  },
}

const eventBatch = tableFromArrays({ offset: BigInt64Array.of(1n, 2n), name: ['on', 'off'] }).batches[0]
if (eventBatch === undefined) throw new Error('expected a batch')
export const batch: RecordBatch = eventBatch

export interface EventRow {
  readonly offset: number
  readonly name: string
}

/** Rows of a source from an offset on. */
export async function* readFrom(offset: number): AsyncGenerator<EventRow> {
  for (let at = offset; at < offset + 10; at++) yield { offset: at, name: `event ${at}` }
}

export const source: AsyncIterable<EventRow> = { [Symbol.asyncIterator]: () => readFrom(0) }

/** Where a program keeps its position. */
export function save(_position: unknown): void {}

const TABLES = {
  Flights:
    'origin: string, delay: int, destination: string, distance: long, Carrier: string, At: datetime, Origin: string, Delay: int, ["Loaded by"]: string',
  StormEvents: 'StartTime: datetime, State: string, EventType: string, DamageProperty: int',
  Events: 'offset: long, name: string, origin: string, delay: int, at: datetime, took: timespan, amount: decimal',
  Orders: 'id: guid, took: timespan, price: decimal, at: datetime, raw: dynamic',
} as const

const FLIGHTS = Array.from({ length: 200 }, (_, at) => ({
  origin: ['ATL', 'LAX', 'JFK'][at % 3],
  delay: at % 97,
  destination: 'SFO',
  distance: at,
  Carrier: ['AA', 'DL'][at % 2],
  At: new Date(Date.UTC(2024, 0, 1, at)),
}))

const STORMS = Array.from({ length: 100 }, (_, at) => ({
  StartTime: new Date(Date.UTC(2007, 0, 1 + (at % 300))),
  State: ['TEXAS', 'OHIO'][at % 2],
  EventType: ['Hail', 'Flood'][at % 2],
  DamageProperty: at * 1000,
}))

const JSON_MAPPING =
  '[{"column":"origin","Properties":{"Path":"$.origin"}},{"column":"delay","Properties":{"Path":"$.delay"}}]'
const CSV_MAPPING = '[{"column":"origin","Properties":{"Ordinal":"0"}},{"column":"delay","Properties":{"Ordinal":"1"}}]'

/** The tables as each page finds them. */
export async function resetTables(): Promise<void> {
  const run = async (csl: string): Promise<void> => void (await kusto.command(csl).rows())
  for (const [name, columns] of Object.entries(TABLES)) {
    await run(`.drop table ${name} ifexists`)
    await run(`.create table ${name} (${columns})`)
  }
  await run(`.create table Flights ingestion json mapping 'FlightsJson' '${JSON_MAPPING}'`)
  await run(`.create table Flights ingestion csv mapping 'flights mapping' '${CSV_MAPPING}'`)
  await Promise.all(
    [['Flights', FLIGHTS] as const, ['StormEvents', STORMS] as const].map(async ([name, rows]) => {
      await (await kusto.write(name, rows)).completed({ timeoutMs: 60_000 })
    }),
  )
}

/** The files that snippets name, in the working directory. */
export async function writeFiles(): Promise<void> {
  writeFileSync('flights.csv.gz', gzipSync('ATL,75\nLAX,12\n'))
  const duck = await DuckDBInstance.create(':memory:')
  const connection = await duck.connect()
  await connection.run("COPY (SELECT 'ATL' AS origin, 75::INTEGER AS delay) TO 'flights.parquet' (FORMAT parquet)")
  connection.closeSync()
  duck.closeSync()
}

export async function closeAll(): Promise<void> {
  await kusto.close()
  await local.close()
}
