import { describe, expect, test } from 'vitest'
import {
  encodeQueueMessage,
  parseConfiguration,
  parseIngestionStatus,
  parseSubmitAnswer,
  queueMessage,
  submitBody,
} from '../../src/protocol/ingestion-message.ts'

const createdAt = new Date('2031-01-01T00:00:00.000Z')
const blob = {
  sourceId: '0b4d0000-0000-0000-0000-000000000000',
  url: 'https://a/t/b.csv.gz?sig=x',
  rawBytes: 31_457_280,
}

describe('queue message', () => {
  test('has the documented shape', () => {
    const json = queueMessage({
      blob,
      database: 'Db',
      table: 'T',
      properties: {
        format: 'csv',
        tags: ['ingest-by:b7'],
        ingestIfNotExists: ['b7'],
        ingestionMappingReference: 'M1',
        ingestionMappingType: 'Csv',
        ignoreFirstRecord: true,
      },
      authorizationContext: 'token',
      reportLevel: 'failures-and-successes',
      reportMethod: 'table',
      statusTable: { connectionString: 'https://a/status?sig=y', partitionKey: blob.sourceId, rowKey: blob.sourceId },
      createdAt,
    })
    expect(JSON.parse(json)).toEqual({
      Id: blob.sourceId,
      BlobPath: blob.url,
      RawDataSize: 31_457_280,
      DatabaseName: 'Db',
      TableName: 'T',
      RetainBlobOnSuccess: true,
      FlushImmediately: false,
      IgnoreSizeLimit: false,
      ReportLevel: 2,
      ReportMethod: 1,
      SourceMessageCreationTime: '2031-01-01T00:00:00.000Z',
      AdditionalProperties: {
        authorizationContext: 'token',
        format: 'csv',
        tags: '["ingest-by:b7"]',
        ingestIfNotExists: '["b7"]',
        ingestionMappingReference: 'M1',
        ingestionMappingType: 'Csv',
        ignoreFirstRecord: true,
      },
      IngestionStatusInTable: {
        TableConnectionString: 'https://a/status?sig=y',
        PartitionKey: blob.sourceId,
        RowKey: blob.sourceId,
      },
    })
  })

  test('a property passed through cannot replace the identity token', () => {
    const json = queueMessage({
      blob,
      database: 'Db',
      table: 'T',
      properties: { format: 'csv', deleteAfterDownload: true, more: { authorizationContext: 'evil', zipPattern: '*' } },
      authorizationContext: 'token',
      reportLevel: 'none',
      reportMethod: 'queue',
      createdAt,
    })
    expect(JSON.parse(json)).toMatchObject({
      RetainBlobOnSuccess: false,
      AdditionalProperties: { authorizationContext: 'token', zipPattern: '*' },
    })
  })

  test('travels as base64 of UTF-8, and not beyond the bound of the queue', () => {
    expect(Buffer.from(encodeQueueMessage('{"ü":"€"}'), 'base64').toString('utf8')).toBe('{"ü":"€"}')
    expect(() => encodeQueueMessage('x'.repeat(50_000))).toThrow(
      expect.objectContaining({ code: 'KUSTO_MESSAGE_TOO_LARGE' }),
    )
  })
})

describe('REST ingestion', () => {
  test('the body has the documented shape, an unknown size left out', () => {
    const properties = { format: 'parquet', tags: ['a'], flushImmediately: true }
    const body = submitBody([blob, { sourceId: 's', url: 'u' }], properties, { createdAt, tracking: true })
    expect(JSON.parse(body)).toEqual({
      timestamp: '2031-01-01T00:00:00.000Z',
      blobs: [
        { url: blob.url, sourceId: blob.sourceId, rawSize: 31_457_280 },
        { url: 'u', sourceId: 's' },
      ],
      properties: { format: 'parquet', enableTracking: true, tags: ['a'], skipBatching: true },
    })
  })

  test('two mappings at once are refused', () => {
    const properties = { format: 'csv', ingestionMapping: '[]', ingestionMappingReference: 'M' }
    expect(() => submitBody([blob], properties, { createdAt, tracking: false })).toThrow(/found both/)
  })

  test('answers are read in either casing', () => {
    expect(parseSubmitAnswer({ IngestionOperationId: 'op-1' })).toBe('op-1')
    expect(parseSubmitAnswer({ ingestionOperationId: '' })).toBeUndefined()
    const camel = {
      status: { succeeded: 1, failed: 1, inProgress: 0, canceled: 0 },
      details: [
        {
          sourceId: 's',
          status: 'failed',
          errorCode: 'BadRequest_TableNotExist',
          failureStatus: 'Permanent',
          details: 'no',
        },
      ],
    }
    const pascal = {
      Status: { Succeeded: 1, Failed: 1, InProgress: 0, Canceled: 0 },
      Details: [
        {
          SourceId: 's',
          Status: 'Failed',
          ErrorCode: 'BadRequest_TableNotExist',
          FailureStatus: 'Permanent',
          Details: 'no',
        },
      ],
    }
    expect(parseIngestionStatus(pascal)).toEqual(parseIngestionStatus(camel))
    expect(parseIngestionStatus(camel)).toMatchObject({
      counts: { failed: 1 },
      blobs: [{ state: 'Failed', details: 'no' }],
    })
  })

  test('details of a blob are told without the signature in its URL', () => {
    const details = "no blob at 'https://a.blob.core.windows.net/c/b.csv?sv=1&sig=hidden'"
    const { blobs } = parseIngestionStatus({ status: {}, details: [{ sourceId: 's', status: 'Failed', details }] })
    expect(blobs[0]?.details).toBe("no blob at 'https://a.blob.core.windows.net/c/b.csv?****'")
  })

  test('a status of unknown words is an error, not silence', () => {
    expect(() => parseIngestionStatus({})).toThrow(expect.objectContaining({ code: 'KUSTO_BAD_INGESTION_STATUS' }))
    expect(() => parseIngestionStatus({ status: {}, details: [{ status: 'Melted' }] })).toThrow(
      /expected an ingestion status/,
    )
  })

  test('the configuration is read with lists missing', () => {
    expect(
      parseConfiguration({
        containerSettings: {
          containers: [{ path: 'https://a/t?sig=x' }],
          lakeFolders: null,
          refreshInterval: '01:00:00',
          preferredUploadMethod: 'Storage',
        },
        ingestionSettings: { maxBlobsPerBatch: 20, maxDataSize: 6_442_450_944 },
      }),
    ).toEqual({
      containers: ['https://a/t?sig=x'],
      lakeFolders: [],
      preferredUpload: 'storage',
      refreshInterval: '01:00:00',
      maxBlobsPerBatch: 20,
      maxDataBytes: 6_442_450_944,
    })
    expect(parseConfiguration({})).toMatchObject({ containers: [], preferredUpload: undefined })
  })
})
