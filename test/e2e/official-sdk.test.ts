import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Client, ClientRequestProperties, KustoConnectionStringBuilder } from 'azure-kusto-data'
import { DataFormat, IngestClient, StreamDescriptor, StreamingIngestClient } from 'azure-kusto-ingest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalKusto, type LocalKusto } from '../../src/local/index.ts'

// The official clients, unmodified, against the embedded Kusto: they know nothing of this package, so what they accept
// is the protocol and not our idea of it.

let local: LocalKusto
let client: Client

beforeAll(async () => {
  local = await startLocalKusto()
  client = new Client(`Data Source=${local.cluster};Initial Catalog=${local.database}`)
})

afterAll(async () => {
  client.close()
  await local.close()
})

async function values(query: string, properties?: ClientRequestProperties): Promise<unknown[][]> {
  const result = await client.executeQuery(local.database, query, properties)
  const [table] = result.primaryResults
  return [...(table?.rows() ?? [])].map((row) => [...row.values()])
}

/** Queued ingestion ends some time after the client has returned. */
async function untilCount(table: string, expected: number): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const [[count] = []] = await values(`${table} | count`)
    if (count === expected) return
    if (Date.now() > deadline) throw new Error(`${table} has ${String(count)} rows, expected ${expected}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('azure-kusto-data', () => {
  test('reads a query of every type', async () => {
    const result = await client.executeQuery(
      local.database,
      'print b=true, i=int(7), l=8, r=1.5, s="x", t=datetime(2024-01-02T03:04:05Z), d=1h, g=guid(74be27de-1e4e-49d9-b579-fe0b331d3642), j=dynamic({"a":[1]})',
    )
    const [table] = result.primaryResults
    expect(table?.columns.map(({ name, type }) => [name, type])).toEqual([
      ['b', 'bool'],
      ['i', 'int'],
      ['l', 'long'],
      ['r', 'real'],
      ['s', 'string'],
      ['t', 'datetime'],
      ['d', 'timespan'],
      ['g', 'guid'],
      ['j', 'dynamic'],
    ])
    const [row] = [...(table?.rows() ?? [])].map((each) => each.toJSON<Record<string, unknown>>())
    expect(row).toEqual({
      b: true,
      i: 7,
      l: 8,
      r: 1.5,
      s: 'x',
      t: new Date('2024-01-02T03:04:05Z'),
      d: 3_600_000,
      g: '74be27de-1e4e-49d9-b579-fe0b331d3642',
      j: { a: [1] },
    })
    expect(result.getErrorsCount()).toEqual({ warnings: 0, errors: 0 })
  })

  test('reads the v1 form', async () => {
    const result = await client.executeQueryV1(local.database, 'range i from 1 to 3 step 1')
    expect([...(result.primaryResults[0]?.rows() ?? [])].map((row) => row['i'])).toEqual([1, 2, 3])
  })

  test('passes query parameters and options', async () => {
    const properties = new ClientRequestProperties({ query_take_max_records: 2 }, { n: 'long(3)', s: 'text' })
    properties.setTimeout(60_000)
    const rows = await values(
      'declare query_parameters(n: long, s: string); range i from 1 to n step 1 | project i, s',
      properties,
    )
    expect(rows).toEqual([
      [1, 'text'],
      [2, 'text'],
    ])
  })

  test('sees an error as an error', async () => {
    await expect(client.executeQuery(local.database, 'NoSuchTable')).rejects.toThrow()
  })

  test('sees a result that is too large as an error', async () => {
    const properties = new ClientRequestProperties({ truncationmaxrecords: 10 })
    await expect(client.executeQuery(local.database, 'range i from 1 to 20 step 1', properties)).rejects.toThrow(
      'E_QUERY_RESULT_SET_TOO_LARGE',
    )
  })

  test('works with a token of any kind', async () => {
    const builder = KustoConnectionStringBuilder.withAccessToken(local.cluster, 'not-a-real-token')
    const authenticated = new Client(builder)
    const result = await authenticated.execute(local.database, 'print 1')
    expect([...(result.primaryResults[0]?.rows() ?? [])]).toHaveLength(1)
    authenticated.close()
  })

  test('runs commands', async () => {
    await client.execute(local.database, '.create-merge table Made (a: long, b: string)')
    await client.execute(local.database, '.set-or-append Made <| range a from 1 to 3 step 1 | extend b = tostring(a)')
    const shown = await client.execute(local.database, '.show tables | where TableName == "Made" | project TableName')
    expect([...(shown.primaryResults[0]?.rows() ?? [])].map((row) => row['TableName'])).toEqual(['Made'])
    expect(await values('Made | order by a asc')).toEqual([
      [1, '1'],
      [2, '2'],
      [3, '3'],
    ])
  })
})

describe('azure-kusto-ingest', () => {
  test('streams rows that are queryable at once', async () => {
    await client.execute(local.database, '.create table Streamed (a: long, b: string)')
    const ingest = new StreamingIngestClient(local.cluster, {
      database: local.database,
      table: 'Streamed',
      format: DataFormat.CSV,
    })
    await ingest.ingestFromStream(new StreamDescriptor(Readable.from([Buffer.from('1,one\n2,"t,wo"\n')])))
    ingest.close()
    expect(await values('Streamed | order by a asc')).toEqual([
      [1, 'one'],
      [2, 't,wo'],
    ])
  })

  test('streams JSON through a stored mapping', async () => {
    await client.execute(local.database, '.create table StreamedJson (a: long, b: string)')
    await client.execute(
      local.database,
      `.create table StreamedJson ingestion json mapping "M" '[{"column":"a","Properties":{"path":"$.x"}},{"column":"b","Properties":{"path":"$.y"}}]'`,
    )
    const ingest = new StreamingIngestClient(local.cluster, {
      database: local.database,
      table: 'StreamedJson',
      format: DataFormat.JSON,
      ingestionMappingReference: 'M',
    })
    await ingest.ingestFromStream(Readable.from([Buffer.from('{"x":1,"y":"one"}\n')]))
    ingest.close()
    expect(await values('StreamedJson')).toEqual([[1, 'one']])
  })

  test('queues a file', async () => {
    await client.execute(local.database, '.create table Queued (a: long, b: string)')
    const folder = await mkdtemp(join(tmpdir(), 'kusto-arrow-test-'))
    try {
      const file = join(folder, 'rows.csv')
      await writeFile(file, Array.from({ length: 1000 }, (_, index) => `${index},row ${index}\n`).join(''))
      const ingest = new IngestClient(local.cluster, {
        database: local.database,
        table: 'Queued',
        format: DataFormat.CSV,
        flushImmediately: true,
      })
      await ingest.ingestFromFile(file)
      await untilCount('Queued', 1000)
      ingest.close()
      expect(await values('Queued | summarize sum(a)')).toEqual([[499_500]])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
