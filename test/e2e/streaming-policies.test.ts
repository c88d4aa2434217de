import { tableFromArrays } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { StreamingWriteOptions } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'

let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto({ storage: false, streaming: 'policy' })
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterEach(() => local.faults.clear())

afterAll(async () => {
  await kusto.close()
  await local.close()
})

const ROWS = tableFromArrays({ n: Int32Array.of(1, 2, 3) })
const STRICT = { mode: 'streaming', fallback: 'none' } as const
const count = (table: string): Promise<number> => kusto.read(table).count()

describe('policies', () => {
  it('streaming:C43 shows, enables with a hint, disables and drops the streaming policy of a table', async () => {
    await kusto.command('.create table Policies (n: int)').rows()
    const policy = kusto.streamingPolicy('Policies')
    expect(await policy.show()).toBeUndefined()
    expect(await policy.enable({ hintAllocatedRate: 2.5 })).toEqual({ isEnabled: true, hintAllocatedRate: 2.5 })
    expect(await policy.show()).toEqual({ isEnabled: true, hintAllocatedRate: 2.5 })
    expect(await policy.disable()).toEqual({ isEnabled: false, hintAllocatedRate: undefined })
    await policy.drop()
    expect(await policy.show()).toBeUndefined()
    await expect(policy.enable({ hintAllocatedRate: 0 })).rejects.toThrow(/hintAllocatedRate/)
  })

  it('streaming:C43 lets the database decide for tables without a policy, and a table for itself', async () => {
    await kusto.command('.create tables Follows (n: int), Decides (n: int)').rows()
    await expect(kusto.write('Follows', ROWS, STRICT)).rejects.toMatchObject({ code: 'KUSTO_STREAMING_POLICY_MISSING' })
    await kusto.streamingPolicy().enable()
    await kusto.streamingPolicy('Decides').disable()
    await kusto.write('Follows', ROWS, STRICT)
    expect(await count('Follows')).toBe(3)
    await expect(kusto.write('Decides', ROWS, STRICT)).rejects.toMatchObject({ code: 'KUSTO_STREAMING_POLICY_MISSING' })
    await kusto.streamingPolicy().drop()
    expect(await kusto.streamingPolicy().show()).toBeUndefined()
  })

  it('spark:W5 makes a created table take streamed rows where a policy is needed for that', async () => {
    await kusto.write('CreatedByWrite', ROWS, { ...STRICT, create: 'CreateIfNotExist' })
    expect(await count('CreatedByWrite')).toBe(3)
  })

  it('streaming:C43 shows, alters and drops the batching policy', async () => {
    await kusto.command('.create table Batched (n: int)').rows()
    const policy = kusto.batchingPolicy('Batched')
    expect(await policy.show()).toBeUndefined()
    expect(await policy.alter({ maximumBatchingSeconds: 20 })).toEqual({
      maximumBatchingSeconds: 20,
      maximumNumberOfItems: 500,
      maximumRawDataSizeMB: 1024,
    })
    expect((await policy.show())?.maximumBatchingSeconds).toBe(20)
    await expect(policy.alter({ maximumBatchingSeconds: 5 })).rejects.toMatchObject({ status: 400 })
    await expect(policy.alter({ maximumNumberOfItems: 0.5 })).rejects.toThrow(/maximumNumberOfItems/)
    await policy.drop()
    expect(await policy.show()).toBeUndefined()
  })
})

/** The answer of the command, as a service of two nodes gives it. */
const nodes = (...statuses: readonly string[]): Readonly<Record<string, unknown>> => ({
  Tables: [
    {
      TableName: 'Table_0',
      Columns: [
        { ColumnName: 'NodeId', ColumnType: 'string' },
        { ColumnName: 'Status', ColumnType: 'string' },
      ],
      Rows: statuses.map((status, index) => [`Node${index}`, status]),
    },
  ],
})

describe('the schema cache', () => {
  const CLEAR = { text: 'cache streamingingestion schema' }

  it('streaming:T31 is cleared again until every node says that it has', async () => {
    await kusto.command('.create-merge table Cached (n: int)').rows()
    local.faults.set([
      { match: CLEAR, times: 1, action: { status: 200, body: nodes('Succeeded', 'Failed') } },
      { match: CLEAR, times: 1, action: { status: 200, body: nodes() } },
      { match: CLEAR, action: { status: 200, body: nodes('Succeeded', 'Succeeded') } },
    ])
    expect(await kusto.clearStreamingSchemaCache('Cached')).toEqual({ nodes: 2, attempts: 3 })
    local.faults.clear()
    expect(await kusto.clearStreamingSchemaCache('Cached')).toEqual({ nodes: 1, attempts: 1 })
    expect(await kusto.clearStreamingSchemaCache()).toEqual({ nodes: 1, attempts: 1 })
  })

  it('streaming:T31 names the nodes that did not, when the time is over', async () => {
    local.faults.set([{ match: CLEAR, action: { status: 200, body: nodes('Succeeded', 'Failed') } }])
    await expect(kusto.clearStreamingSchemaCache('Cached', { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'KUSTO_SCHEMA_CACHE_NOT_CLEARED',
      message: expect.stringContaining('Node1') as unknown,
    })
  })

  it('streaming:C42 lets a schema change while nothing is streamed, and goes on with the new one', async () => {
    await kusto.command('.create-merge table Changed (n: int)').rows()
    await kusto.streamingPolicy('Changed').enable()
    await kusto.write('Changed', ROWS, STRICT)
    let writing: Promise<unknown> = Promise.resolve()
    let isChanged = false
    const order: string[] = []
    const cleared = await kusto.changeStreamingSchema('Changed', async () => {
      writing = kusto
        .write('Changed', ROWS, { ...STRICT, onEvent: ({ kind }) => order.push(`${kind} ${String(isChanged)}`) })
        .then(() => undefined)
      await kusto.command('.alter-merge table Changed (extra: string)').rows()
      isChanged = true
    })
    expect(cleared.nodes).toBe(1)
    await writing
    expect(order).toEqual(['piece-streamed true'])
    expect(await count('Changed')).toBe(6)
  })

  it('lets requests go on when the change fails', async () => {
    const failing = kusto.changeStreamingSchema('Changed', () => Promise.reject(new Error('no right')))
    await expect(failing).rejects.toThrow('no right')
    await kusto.write('Changed', ROWS, STRICT)
    expect(await count('Changed')).toBe(9)
  })
})

describe('a cluster without streaming', () => {
  it('streaming:C40 says that it is off, and where to switch it on', async () => {
    await using off = await startLocalKusto({ storage: false, streaming: 'off' })
    await using client = new KustoConnector({ cluster: off.cluster, database: off.database })
    await client.command('.create table T (n: int)').rows()
    await expect(client.write('T', ROWS, STRICT)).rejects.toMatchObject({
      code: 'KUSTO_STREAMING_OFF',
      message: expect.stringContaining('clusterStreaming') as unknown,
    })
  })
})

describe('options of a queued write', () => {
  it.each([
    ['dropByTags', { dropByTags: ['x'] }],
    ['ingestByTags', { ingestByTags: ['x'] }],
    ['additionalTags', { additionalTags: ['x'] }],
    ['ingestIfNotExists', { ingestIfNotExists: ['x'] }],
    ['creationTime', { creationTime: new Date(0) }],
    ['ingestionMapping', { ingestionMapping: [{ column: 'n', ordinal: 0 }] }],
    ['adjustSchema', { adjustSchema: 'GenerateDynamicCsvMapping' }],
    ['maxBlobBytes', { maxBlobBytes: 1000 }],
  ] as const)('spark:W29 streaming:C41 refuses %s, or drops it when told to', async (option, given) => {
    const options: StreamingWriteOptions = { ...STRICT, create: 'CreateIfNotExist', ...given }
    await expect(kusto.write('Unsupported', ROWS, options)).rejects.toMatchObject({
      code: 'KUSTO_NOT_STREAMABLE',
      message: expect.stringContaining(option) as unknown,
    })
    const dropped: (readonly string[])[] = []
    await kusto.write('Unsupported', ROWS, {
      ...options,
      dropUnsupported: true,
      onEvent: (event) => event.kind === 'options-dropped' && dropped.push(event.options),
    })
    expect(dropped).toEqual([[option]])
  })

  it('streaming:C41 takes empty lists and false for nothing, and refuses a typo', async () => {
    const nothing = { dropByTags: [], ignoreFirstRecord: false, ...STRICT } as const
    await kusto.write('Unsupported', ROWS, { ...nothing })
    const typo = { ...STRICT, falback: 'none' }
    await expect(kusto.write('Unsupported', ROWS, typo)).rejects.toThrow(/found falback/)
    await expect(kusto.write('Unsupported', ROWS, { ...STRICT, format: 'json' })).rejects.toMatchObject({
      code: 'KUSTO_MAPPING_REQUIRED',
    })
  })
})
