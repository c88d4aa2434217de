import { tableFromArrays } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto({ storage: false })
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await kusto?.close()
  await local?.close()
})

const rows = tableFromArrays({ n: Int32Array.of(1, 2, 3) })

describe('streaming:C51 a service without ingestion storage', () => {
  it('takes rows that go straight to the engine', async () => {
    const receipt = await kusto.write('Straight', rows, { mode: 'streaming', create: 'CreateIfNotExist' })
    expect(receipt.counts).toMatchObject({ streamed: 1, queued: 0 })
    expect(await kusto.read('Straight').count()).toBe(3)
  })

  it.each([
    ['rest', 'KUSTO_NO_REST_INGESTION'],
    ['queue', 'BadRequest_NoStorage'],
    ['auto', 'BadRequest_NoStorage'],
  ] as const)('says what is missing, by way %s, and is not asked again', async (ingestion, code) => {
    await using other = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion })
    const error: unknown = await other
      .write('Queued', rows, { create: 'CreateIfNotExist' })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code, retryable: false })
    expect(String(error)).toMatch(/storage|REST/)
  })

  it('is told by a writer at the first write, which takes no row', async () => {
    const writer = kusto.writer('Queued', { create: 'CreateIfNotExist' })
    await expect(writer.write(rows)).rejects.toMatchObject({ code: 'BadRequest_NoStorage' })
    expect(await writer.close()).toEqual({ rows: 0, batches: 0 })
  })
})
