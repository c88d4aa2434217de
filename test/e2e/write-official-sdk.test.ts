import { Client } from 'azure-kusto-data'
import {
  Bool,
  Float64,
  Int32,
  Int64,
  Table,
  TimestampMicrosecond,
  Utf8,
  tableFromArrays,
  vectorFromArray,
} from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

// Microsoft's own client, unmodified, reads what we wrote: it knows nothing of this package.

let local: LocalKusto
let client: Client

beforeAll(async () => {
  local = await startLocalKusto()
  client = new Client(`Data Source=${local.cluster};Initial Catalog=${local.database}`)
}, 90_000)

afterAll(async () => {
  client?.close()
  await local?.close()
})

const TIMES = [new Date('2024-01-02T03:04:05.678Z'), null, new Date('1601-01-01T00:00:00Z')]

const table = new Table({
  flag: vectorFromArray([true, null, false], new Bool()),
  count: vectorFromArray([1, null, -2_147_483_648], new Int32()),
  long: vectorFromArray([9_007_199_254_740_991n, null, -1n], new Int64()),
  real: vectorFromArray([0.1, null, -1.5e300], new Float64()),
  text: vectorFromArray(['a "quoted", text\nof two lines', '', 'ünï 😀'], new Utf8()),
  time: vectorFromArray(TIMES, new TimestampMicrosecond('UTC')),
})

describe('azure-kusto-data', () => {
  for (const ingestion of ['rest', 'queue'] as const) {
    it.each(['csv', 'parquet'] as const)(`reads what was written by ${ingestion} as %s`, async (format) => {
      await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion })
      const name = `By_${ingestion}_${format}`
      const receipt = await kusto.write(name, table, { create: 'CreateIfNotExist', format, flushImmediately: true })
      await receipt.completed({ timeoutMs: 60_000 })
      expect(receipt.toJSON()).toMatchObject({ via: ingestion, format })
      const { primaryResults } = await client.executeQuery(local.database, `${name} | order by ['real'] asc nulls last`)
      const [result] = primaryResults
      expect(result?.columns.map((column) => [column.name, column.type])).toEqual([
        ['flag', 'bool'],
        ['count', 'int'],
        ['long', 'long'],
        ['real', 'real'],
        ['text', 'string'],
        ['time', 'datetime'],
      ])
      const rows = [...(result?.rows() ?? [])].map((row) => [...row.values()])
      expect(rows).toEqual([
        [false, -2_147_483_648, -1, -1.5e300, 'ünï 😀', '1601-01-01T00:00:00.0000000Z'],
        [true, 1, 9_007_199_254_740_991, 0.1, 'a "quoted", text\nof two lines', '2024-01-02T03:04:05.6780000Z'],
        [null, null, null, null, '', null],
      ])
    })
  }

  it('counts the rows of a write of many blobs', async () => {
    await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
    const batch = tableFromArrays({ n: Int32Array.from({ length: 100_000 }, (_, n) => n) })
    const receipt = await kusto.write('Many', batch, { create: 'CreateIfNotExist', maxBlobBytes: 50_000 })
    await receipt.completed({ timeoutMs: 60_000 })
    const { primaryResults } = await client.executeQuery(local.database, 'Many | summarize count(), sum(n), dcount(n)')
    const [row] = [...(primaryResults[0]?.rows() ?? [])].map((each) => [...each.values()])
    expect(row?.slice(0, 2)).toEqual([100_000, 4_999_950_000])
    expect(receipt.blobs.length).toBeGreaterThan(5)
  })
})
