import { describe, expect, it } from 'vitest'
import { KustoConnector, writerOptionsFromFlink } from '../../src/index.ts'
import { writerSettings } from '../../src/streaming/writer-settings.ts'

describe('writerOptionsFromFlink', () => {
  it('takes the options of a job by the names of its builders, whatever is before them', () => {
    const { connector, table, writer, exactlyOnce, notes } = writerOptionsFromFlink({
      setClusterUrl: 'https://ingest-ingest-help.kusto.windows.net',
      withDatabase: 'Samples',
      Table: 'Events',
      BatchIntervalMs: '15000',
      batchsize: 50_000,
      ClientBatchSizeLimit: 314_572_800,
      PollForIngestionStatus: true,
      PollTimeoutMs: 60_000,
      FlushImmediately: 'true',
      IngestByTags: ['a'],
      RetryOptions: { maxAttempts: 3, baseIntervalMillis: 1000 },
    })
    expect(connector).toEqual({ cluster: 'https://help.kusto.windows.net', database: 'Samples' })
    expect(table).toBe('Events')
    expect(exactlyOnce).toBe(false)
    expect(writer).toMatchObject({
      maxBatchAgeMs: 15_000,
      maxBatchRows: 50_000,
      maxBatchBytes: 314_572_800,
      acknowledge: 'ingested',
      completionTimeoutMs: 60_000,
      flushImmediately: true,
      ingestByTags: ['a'],
      delivery: 'at-least-once',
      adjustSchema: 'NoAdjustment',
    })
    expect(notes.join('\n')).toMatch(/oldest row[^]*repeated as/)
    writerSettings(writer)
    void new KustoConnector({ ...(connector as { cluster: string; database: string }), credential: 'token' }).close()
  })

  it('hands an application on as a connection string, and asks for all of it', () => {
    const app = { ClusterUrl: 'https://help.kusto.windows.net', AppId: 'id', AppKey: 'k;"y', TenantId: 'tenant' }
    expect(writerOptionsFromFlink(app).connector.connectionString).toContain('Application Key="k;""y"')
    expect(() => writerOptionsFromFlink({ AppId: 'id' })).toThrow(/together/)
  })

  it('says what Flink calls exactly once, and what -1 means', () => {
    const found = writerOptionsFromFlink({ DeliveryGuarantee: 'EXACTLY_ONCE', BatchIntervalMs: -1, BatchSize: -1 })
    expect(found).toMatchObject({
      exactlyOnce: true,
      writer: { maxBatchAgeMs: 86_400_000, maxBatchRows: 1_000_000_000 },
    })
    expect(found.writer.delivery).toBeUndefined()
    expect(writerOptionsFromFlink({ DeliveryGuarantee: 'none' }).writer.delivery).toBe('none')
  })

  it.each([
    [{ BatchIntervallMs: 1 }, /did you mean BatchIntervalMs/],
    [{ ClientBatchSizeLimit: 300 }, /in bytes/],
    [{ BatchSize: 'many' }, /whole number/],
    [{ ManagedIdentityAppId: 'system' }, /ManagedIdentityCredential/],
    [{ setTable: 'a', Table: 'b' }, /twice/],
    [{ DeliveryGuarantee: 'often' }, /AT_LEAST_ONCE/],
  ])('streaming:C4 refuses %j', (options, message) => {
    expect(() => writerOptionsFromFlink(options)).toThrow(message)
  })
})
