import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TableClient } from '@azure/data-tables'
import { ContainerClient } from '@azure/storage-blob'
import { QueueClient } from '@azure/storage-queue'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseQueueMessage } from '../../../src/local/ingest/queue-message.ts'
import { type QueueLoop, startQueueLoop } from '../../../src/local/ingest/queue-loop.ts'
import { ingestionConfiguration, QueuedIngestion } from '../../../src/local/ingest/queued-rest.ts'
import { type LocalStorage, startAzurite, STORAGE_NAMES } from '../../../src/local/storage/azurite.ts'
import { resourceCommand } from '../../../src/local/storage/resource-commands.ts'
import { type Engine, openEngine } from './engine.ts'

let engine: Engine
let storage: LocalStorage
let loop: QueueLoop
let container: ContainerClient
let token: unknown
beforeAll(async () => {
  ;[engine, storage] = await Promise.all([openEngine(), startAzurite()])
  container = new ContainerClient(storage.containerSas('ingest-temp-0'))
  token = resourceCommand({ storage }, '.get kusto identity token')?.rows[0]?.[0]
  loop = startQueueLoop(engine, storage)
  await engine.create('T', 'a:string,b:int')
})
afterAll(async () => {
  await loop.close()
  await engine.close()
  await storage.close()
})

const put = async (name: string, data: string): Promise<string> => {
  await container.getBlockBlobClient(name).upload(data, Buffer.byteLength(data))
  return storage.containerSas('ingest-temp-0').replace('?', `/${name}?`)
}
const statusTable = (): TableClient => {
  const [url = '', sas = ''] = storage.tableSas(STORAGE_NAMES.statusTable).split('?')
  return new TableClient(`${url.slice(0, url.lastIndexOf('/'))}?${sas}`, STORAGE_NAMES.statusTable, {
    allowInsecureConnection: true,
  })
}
const send = (message: object | string): Promise<unknown> => {
  const text = typeof message === 'string' ? message : JSON.stringify(message)
  return new QueueClient(storage.queueSas(STORAGE_NAMES.readyQueue)).sendMessage(Buffer.from(text).toString('base64'))
}
const receive = async (queue: string): Promise<Record<string, unknown>> => {
  const client = new QueueClient(storage.queueSas(queue))
  let found: unknown
  await expect
    .poll(
      async () => {
        const [item] = (await client.receiveMessages()).receivedMessageItems
        if (item === undefined) return 'nothing'
        found = JSON.parse(Buffer.from(item.messageText, 'base64').toString())
        await client.deleteMessage(item.messageId, item.popReceipt)
        return 'found'
      },
      { timeout: 10_000 },
    )
    .toBe('found')
  return found as Record<string, unknown>
}
const finalStatus = async (id: string, rowKey = id): Promise<Record<string, unknown>> => {
  let entity: Record<string, unknown> = {}
  await expect
    .poll(
      async () => {
        entity = await statusTable().getEntity(id, rowKey)
        return entity['Status']
      },
      { timeout: 10_000 },
    )
    .not.toBe('Pending')
  return entity
}
const queue = async (blob: string, more: object = {}, properties: object = {}): Promise<string> => {
  const id = randomUUID()
  const entity = { partitionKey: id, rowKey: id }
  await statusTable().createEntity({ ...entity, Status: 'Pending' })
  await send({
    Id: id,
    BlobPath: blob,
    RawDataSize: 4,
    DatabaseName: 'db',
    TableName: 'T',
    RetainBlobOnSuccess: true,
    FlushImmediately: false,
    ReportLevel: 2,
    ReportMethod: 1,
    AdditionalProperties: { authorizationContext: token, format: 'csv', ...properties },
    IngestionStatusInTable: {
      TableConnectionString: storage.tableSas(STORAGE_NAMES.statusTable),
      PartitionKey: id,
      RowKey: id,
    },
    ...more,
  })
  return id
}

describe('queued ingestion', () => {
  it('ingests a blob and moves its status row from Pending to Succeeded', async () => {
    const id = await queue(await put('q1.csv', 'q1,1\n'))
    expect(await finalStatus(id)).toMatchObject({
      Status: 'Succeeded',
      IngestionSourceId: id,
      IngestionSourcePath: `${storage.blobUrl}/ingest-temp-0/q1.csv`,
      Database: 'db',
      Table: 'T',
      ErrorCode: '',
    })
    expect(await engine.rows('T')).toContainEqual(['q1', '1'])
    expect(await container.getBlobClient('q1.csv').exists()).toBe(true)
  })

  it('gives back what it took and had not begun when it closes, so that the next one ingests it', async () => {
    await loop.close()
    const slow = startQueueLoop(engine, storage, { batchingDelayMs: 600_000 })
    const id = await queue(await put('later.csv', 'later,1\n'))
    const ready = new QueueClient(storage.queueSas(STORAGE_NAMES.readyQueue))
    await expect.poll(async () => (await ready.peekMessages()).peekedMessageItems).toEqual([])
    await slow.close()
    loop = startQueueLoop(engine, storage)
    expect(await finalStatus(id)).toMatchObject({ Status: 'Succeeded' })
    expect((await engine.rows('T')).filter(([a]) => a === 'later')).toEqual([['later', '1']])
  })

  it('understands camelCase, enumeration names and text booleans, and deletes the blob unless it is retained', async () => {
    const id = randomUUID()
    await send({
      id,
      blobPath: await put('q2.csv', 'h,h\nq2,2\n'),
      databaseName: 'db',
      tableName: 'T',
      reportLevel: 'FailuresAndSuccesses',
      reportMethod: 'Queue',
      additionalProperties: {
        AuthorizationContext: token,
        format: 'csv',
        ignoreFirstRecord: 'true',
        creationTime: '0001-01-01T00:00:00Z',
        tags: '["drop-by:j"]',
      },
    })
    expect(await receive(STORAGE_NAMES.succeededQueue)).toMatchObject({
      IngestionSourceId: id,
      Database: 'db',
      Table: 'T',
    })
    expect(await engine.rows('T')).toContainEqual(['q2', '2'])
    await expect.poll(() => container.getBlobClient('q2.csv').exists()).toBe(false)
  })

  it('reports a permanent failure in table and queue, with the code and without the secret', async () => {
    const id = await queue((await put('q3.csv', 'x')).replace('q3.csv', 'gone.csv'), { ReportMethod: 2 })
    expect(await finalStatus(id)).toMatchObject({
      Status: 'Failed',
      ErrorCode: 'Download_SourceNotFound',
      FailureStatus: 'Permanent',
    })
    const failure = await receive(STORAGE_NAMES.failedQueue)
    expect(failure).toMatchObject({ IngestionSourceId: id, ErrorCode: 'Download_SourceNotFound', ShouldRetry: false })
    expect(JSON.stringify(failure)).not.toContain('sig=')
  })

  it.each([
    [{ TableName: 'Nowhere' }, {}, 'BadRequest_TableNotExist'],
    [{ DatabaseName: 'nowhere' }, {}, 'BadRequest_DatabaseNotExist'],
    [{}, { ingestionMappingReference: 'none' }, 'BadRequest_MappingReferenceWasNotFound'],
    [{}, { zipPattern: '*' }, 'BadRequest_NotSupportedByEmulator'],
    [{}, { format: 'avro' }, 'BadRequest_NotSupportedByEmulator'],
    [{}, { authorizationContext: undefined }, 'BadRequest_InvalidKustoIdentityToken'],
    [{}, { authorizationContext: '' }, 'BadRequest_InvalidKustoIdentityToken'],
    [{}, { authorizationContext: 'eyJ.of.another' }, 'BadRequest_InvalidKustoIdentityToken'],
  ])('fails %j %j with %s', async (more, properties, code) => {
    const id = await queue(await put('q4.csv', 'q4,4\n'), more, properties)
    expect(await finalStatus(id)).toMatchObject({ Status: 'Failed', ErrorCode: code })
  })

  it('skips what ingestIfNotExists knows', async () => {
    const tags = { tags: '["ingest-by:once"]', ingestIfNotExists: '["once"]' }
    expect(await finalStatus(await queue(await put('q5.csv', 'q5,5\n'), {}, tags))).toMatchObject({
      Status: 'Succeeded',
    })
    expect(
      await finalStatus(await queue(await put('q5.csv', 'q5,5\n'), {}, { ...tags, ingestIfNotExists: 'once' })),
    ).toMatchObject({ Status: 'Skipped' })
    expect((await engine.rows('T')).filter(([a]) => a === 'q5')).toHaveLength(1)
  })

  it('sends a message that nobody understands to the failure queue and goes on', async () => {
    await send('not json')
    expect(await receive(STORAGE_NAMES.failedQueue)).toMatchObject({
      ErrorCode: 'BadRequest_CorruptedMessage',
      FailureStatus: 'Permanent',
    })
  })

  it('waits for the batching delay unless the message says to flush', async () => {
    await loop.close()
    loop = startQueueLoop(engine, storage, { batchingDelayMs: 3_000 })
    const slow = await queue(await put('q6.csv', 'q6,6\n'))
    const fast = await queue(await put('q7.csv', 'q7,7\n'), { FlushImmediately: true })
    expect(await finalStatus(fast)).toMatchObject({ Status: 'Succeeded' })
    expect((await statusTable().getEntity(slow, slow))['Status']).toBe('Pending')
    expect(await finalStatus(slow)).toMatchObject({ Status: 'Succeeded' })
  })

  it('reads a Go message: absent zeros, row key of its own', () => {
    const text = JSON.stringify({
      Id: 'i',
      BlobPath: 'b',
      DatabaseName: 'd',
      TableName: 't',
      ReportLevel: 2,
      ReportMethod: 1,
      IngestionStatusInTable: {
        tableConnectionString: 'u',
        partitionKey: 'i',
        rowKey: '00000000-0000-0000-0000-000000000000',
      },
    })
    expect(parseQueueMessage(Buffer.from(text).toString('base64'))).toMatchObject({
      retainBlobOnSuccess: false,
      flushImmediately: false,
      reportMethod: 'Table',
      status: { tableUrl: 'u', partitionKey: 'i', rowKey: '00000000-0000-0000-0000-000000000000' },
    })
  })
})

it('a queue loop whose storage is gone does not hold up its end', async () => {
  const own = await startAzurite()
  const slow = startQueueLoop(engine, own, { batchingDelayMs: 600_000 })
  const ready = new QueueClient(own.queueSas(STORAGE_NAMES.readyQueue))
  await ready.sendMessage(
    Buffer.from(JSON.stringify({ BlobPath: 'b', DatabaseName: 'db', TableName: 'T' })).toString('base64'),
  )
  await expect.poll(async () => (await ready.peekMessages()).peekedMessageItems, { timeout: 10_000 }).toEqual([])
  await own.close()
  const late = new AbortController()
  const ended = await Promise.race([
    slow.close().then(() => 'ended'),
    sleep(10_000, 'not ended', { signal: late.signal }).catch(() => ''),
  ])
  late.abort()
  expect(ended).toBe('ended')
})

const done = async (queued: QueuedIngestion, operationId: string): Promise<unknown> => {
  let status: unknown
  await expect
    .poll(
      () => {
        status = queued.status({ database: 'db', table: 'T', operationId, details: true })
        return status
      },
      { timeout: 10_000 },
    )
    .toMatchObject({ status: { inProgress: 0 } })
  return status
}

describe('REST queued ingestion', () => {
  it('ingests each blob by itself and tells the outcome of each', async () => {
    const queued = new QueuedIngestion(engine)
    const good = await put('r1.csv', 'r1,1\n')
    const gone = good.replace('r1.csv', 'r2.csv')
    const { ingestionOperationId } = queued.submit('db', 'T', {
      timestamp: '2031-01-01T00:00:00Z',
      Blobs: [
        { Url: good, SourceId: 'one', RawSize: 5 },
        { url: gone, sourceId: 'two' },
      ],
      properties: {
        Format: 'csv',
        enableTracking: true,
        tags: ['drop-by:r'],
        ingestionMapping: null,
        deleteAfterDownload: true,
      },
    })
    expect(await done(queued, ingestionOperationId)).toMatchObject({
      status: { succeeded: 1, failed: 1, inProgress: 0, canceled: 0 },
      details: [
        {
          sourceId: 'one',
          url: `${storage.blobUrl}/ingest-temp-0/r1.csv`,
          status: 'Succeeded',
          errorCode: '',
          failureStatus: 'Unknown',
        },
        { sourceId: 'two', status: 'Failed', errorCode: 'Download_SourceNotFound', failureStatus: 'Permanent' },
      ],
    })
    expect(await engine.rows('T')).toContainEqual(['r1', '1'])
    expect(await container.getBlobClient('r1.csv').exists()).toBe(false)
    expect(
      queued.status({ database: 'db', table: 'T', operationId: ingestionOperationId, details: false }),
    ).not.toHaveProperty('details')
    expect(queued.show([ingestionOperationId]).rows[0]?.slice(3, 9)).toEqual([
      'CompletedWithErrors',
      2n,
      0n,
      0n,
      1n,
      1n,
    ])
    expect(queued.showDetails(ingestionOperationId).rows).toHaveLength(2)
    expect(() =>
      queued.status({ database: 'db', table: 'Other', operationId: ingestionOperationId, details: false }),
    ).toThrow(expect.objectContaining({ status: 404 }))
    await queued.close()
  })

  it('gives no id when tracking is off', async () => {
    const queued = new QueuedIngestion(engine)
    expect(
      queued.submit('db', 'T', { blobs: [{ url: await put('r3.csv', 'r3,1\n') }], properties: { format: 'csv' } }),
    ).toEqual({ ingestionOperationId: '' })
    await expect.poll(() => engine.rows('T')).toContainEqual(['r3', '1'])
    await queued.close()
  })

  it('refuses a request before any of it is ingested', async () => {
    const queued = new QueuedIngestion(engine)
    const blob = { url: await put('r4.csv', 'r4,1\n') }
    const properties = { format: 'csv' }
    const bad = (body: unknown, database = 'db', table = 'T'): unknown => {
      try {
        return queued.submit(database, table, body)
      } catch (error) {
        return error
      }
    }
    for (const body of [
      null,
      {},
      { blobs: [], properties },
      { blobs: [blob] },
      { blobs: [blob], properties: {} },
      { blobs: [blob, blob], properties },
      { blobs: Array.from({ length: 21 }, () => blob), properties },
      { blobs: [{ url: 'x' }], properties },
      { blobs: [blob], properties: { format: 'avro' } },
      { blobs: [blob], properties: { format: 'csv', color: 'red' } },
      { blobs: [blob], properties: { format: 'csv', enableTracking: 'yes' } },
      { blobs: [{ ...blob, rawSize: 7e9 }], properties },
    ])
      expect(bad(body)).toMatchObject({ status: 400, permanent: true })
    expect(bad({ blobs: [blob], properties }, 'db', 'Nowhere')).toMatchObject({ code: 'BadRequest_TableNotExist' })
    expect(bad({ blobs: [blob], properties }, 'none')).toMatchObject({ code: 'BadRequest_DatabaseNotExist' })
    await queued.close()
  })
})

describe('resources', () => {
  it('are listed with a SAS each, for both spellings', () => {
    for (const text of [
      '.get ingestion resources',
      ' .SHOW  ingestion\nresources ',
      ".get ingestion resources with (EnableBlobCors='true')",
    ]) {
      const names = resourceCommand({ storage }, text)?.rows.map(([name]) => name)
      expect(names).toEqual([
        'SecuredReadyForAggregationQueue',
        'FailedIngestionsQueue',
        'SuccessfulIngestionsQueue',
        'TempStorage',
        'TempStorage',
        'IngestionsStatusTable',
      ])
    }
    expect(resourceCommand({ storage }, '.get kusto identity token')?.columns).toEqual([
      { name: 'AuthorizationContext', type: 'string' },
    ])
    expect(resourceCommand({ storage }, '.show export containers')?.rows).toHaveLength(2)
    expect(resourceCommand({ storage }, '.create tempstorage')?.rows[0]?.[0]).toMatch(/\?.*sig=/)
    expect(resourceCommand({ storage }, '.show tables')).toBeUndefined()
  })

  it('are an error without storage', () => {
    expect(() => resourceCommand({ storage: undefined }, '.show export containers')).toThrow(/without storage/)
    expect(() => ingestionConfiguration(undefined)).toThrow(expect.objectContaining({ status: 404 }))
  })

  it('are in the configuration of the REST endpoint', () => {
    expect(ingestionConfiguration(storage)).toMatchObject({
      containerSettings: {
        containers: [{ path: expect.stringContaining('sig=') }, { path: expect.stringContaining('sig=') }],
        lakeFolders: null,
      },
      ingestionSettings: { maxBlobsPerBatch: 20, preferredIngestionMethod: 'Rest' },
    })
  })
})
