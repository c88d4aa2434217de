import { describe, expect, it, test } from 'vitest'
import { KustoConnector, writeOptionsFromSpark } from '../../src/index.ts'
import type { SparkOptions, WriteOptions } from '../../src/index.ts'
import { SPARK_REFUSED, SPARK_SOURCE_OPTIONS } from '../../src/protocol/spark-names.ts'
import { SPARK_COMMON_OPTIONS, SPARK_SINK_OPTIONS } from '../../src/protocol/spark-names.ts'
import { writeSettings } from '../../src/sink/write-settings.ts'

const BASE = { kustoCluster: 'mycluster.westeurope', kustoDatabase: 'db', kustoTable: 'T' }

const properties = (fields: object): SparkOptions => ({ sparkIngestionPropertiesJson: JSON.stringify(fields) })

describe('writeOptionsFromSpark', () => {
  it('spark:A4 takes every option, its name in any case, and makes what the connector and a write accept', async () => {
    const spark = writeOptionsFromSpark({
      KUSTOCLUSTER: 'https://MyCluster.kusto.windows.net',
      kustodatabase: 'db',
      kustoTable: 'my table',
      kustoIngestionUri: 'https://ingest-mycluster.kusto.windows.net',
      writemode: 'queued',
      tableCreateOptions: 'CreateIfNotExist',
      adjustSchema: 'GenerateDynamicCsvMapping',
      ...properties({
        flushImmediately: true,
        dropByTags: ['d'],
        ingestByTags: ['i'],
        additionalTags: ['a'],
        ingestIfNotExists: ['n'],
        creationTime: '2020-01-02T03:04:05Z',
        csvMapping: null,
      }),
      clientBatchingLimit: 3000,
      disableFlushImmediately: true,
      ensureNoDuplicatedBlobs: true,
      addSourceLocationTransform: true,
      kustoIngestionStorageContainer: JSON.stringify([
        { storageUrl: 'https://acct.blob.core.windows.net/', containerName: 'c', sas: '?sv=1&sig=x' },
      ]),
      requestId: 'job-7',
      timeoutLimit: 600,
      saveMode: 'append',
      accessToken: 'TOKEN',
    })
    expect(spark.connector).toEqual({
      cluster: 'https://mycluster.kusto.windows.net',
      database: 'db',
      ingestionCluster: 'https://ingest-mycluster.kusto.windows.net',
      credential: 'TOKEN',
    })
    expect(spark.table).toBe('my table')
    expect(spark.write).toEqual({
      mode: 'queued',
      create: 'CreateIfNotExist',
      adjustSchema: 'GenerateDynamicCsvMapping',
      flushImmediately: true,
      dropByTags: ['d'],
      ingestByTags: ['i'],
      additionalTags: ['a'],
      ingestIfNotExists: ['n'],
      creationTime: new Date('2020-01-02T03:04:05Z'),
      maxBlobBytes: 3000 * 1024 * 1024,
      flushFullBlobs: false,
      deduplicateBlobs: 'job-7',
      sourceLocationColumn: 'ingestion_source_location_url_blob_internal',
      ingestionStorage: [{ kind: 'sas', url: 'https://acct.blob.core.windows.net/c', sas: '?sv=1&sig=x' }],
      requestId: 'job-7',
    })
    expect(spark.completed).toEqual({ timeoutMs: 600_000 })
    expect(spark.notes).toEqual([])
    const settings = writeSettings(spark.write as WriteOptions)
    expect(settings).toMatchObject({ format: 'csv', maxBlobBytes: 3_145_728_000 })
    await using kusto = new KustoConnector(spark.connector)
    expect(kusto.cluster).toBe('https://mycluster.kusto.windows.net')
  })

  it('has the defaults of Spark: transactional, by position, full blobs flushed, two days to wait', () => {
    const { write, completed, notes } = writeOptionsFromSpark(BASE)
    expect(write).toEqual({
      mode: 'transactional',
      timeoutMs: 172_800_000,
      create: 'FailIfNotExist',
      adjustSchema: 'NoAdjustment',
      flushFullBlobs: true,
    })
    expect(completed).toEqual({ timeoutMs: 172_800_000 })
    expect(notes).toEqual([])
    expect(() => writeSettings(write as WriteOptions)).not.toThrow()
  })

  it('makes a transactional write with a staging table of its own or of the caller', () => {
    const own = writeOptionsFromSpark({ ...BASE, stagingResourcesAutoCleanupTimeout: 86_400, timeoutLimit: -1 })
    expect(own.write).toMatchObject({ stagingTimeoutMs: 86_400_000, timeoutMs: 43_200_000 })
    expect(own.notes).toEqual([expect.stringContaining('timeoutLimit')])
    expect(() => writeSettings(own.write as WriteOptions)).not.toThrow()
    const theirs = writeOptionsFromSpark({ ...BASE, tempTableName: 'Staging' })
    expect(writeSettings(theirs.write as WriteOptions)).toMatchObject({
      mode: 'transactional',
      stagingTable: 'Staging',
    })
  })

  it('spark:W3 makes a streaming write', () => {
    const { write } = writeOptionsFromSpark({
      ...BASE,
      writeMode: 'KustoStreaming',
      tableCreateOptions: 'CreateIfNotExist',
      streamingIngestSizeInMB: 2,
      ...properties({ csvMappingNameReference: 'M', flushImmediately: true }),
    })
    expect(write).toEqual({
      mode: 'streaming',
      create: 'CreateIfNotExist',
      ingestionMappingReference: 'M',
      flushImmediately: true,
      maxRequestBytes: 2_097_152,
    })
  })

  it.each<[object, RegExp]>([
    [{ dropByTags: ['x'] }, /no dropByTags with writeMode KustoStreaming/],
    [{ ingestByTags: ['x'] }, /ingestByTags/],
    [{ additionalTags: ['x'] }, /additionalTags/],
    [{ ingestIfNotExists: ['x'] }, /ingestIfNotExists/],
    [{ creationTime: '2020-01-01T00:00:00Z' }, /creationTime/],
    [{ csvMapping: '[{"Column":"a","Properties":{"Ordinal":"0"}}]' }, /ingestionMapping/],
  ])('spark:W29 refuses %j in a streaming write', (fields, message) => {
    expect(() => writeOptionsFromSpark({ ...BASE, writeMode: 'KustoStreaming', ...properties(fields) })).toThrow(
      message,
    )
  })

  it('spark:W29 refuses a generated mapping in a streaming write', () => {
    const options = { ...BASE, writeMode: 'KustoStreaming', adjustSchema: 'GenerateDynamicCsvMapping' }
    expect(() => writeOptionsFromSpark(options)).toThrow(/no GenerateDynamicCsvMapping/)
  })

  it('spark:W9 takes a mapping in text or by name, as CSV, and refuses it beside another way to meet columns', () => {
    const csvMapping = '[{"Column":"a","Properties":{"Ordinal":"0"}}]'
    const inline = writeOptionsFromSpark({ ...BASE, ...properties({ csvMapping }) }).write as WriteOptions
    expect(inline).toMatchObject({ format: 'csv', ingestionMapping: csvMapping })
    expect(writeSettings(inline).mapping).toEqual({ kind: 'inline', columns: [{ column: 'a', ordinal: 0 }] })
    const named = writeOptionsFromSpark({ ...BASE, ...properties({ csvMappingNameReference: 'M' }) })
    expect(named.write).toMatchObject({ format: 'csv', ingestionMappingReference: 'M' })
    for (const adjustSchema of ['GenerateDynamicCsvMapping', 'FailIfNotMatch']) {
      expect(() => writeOptionsFromSpark({ ...BASE, adjustSchema, ...properties({ csvMapping }) })).toThrow(
        /found both/,
      )
    }
  })

  it.each<[string, SparkOptions]>([
    ['spark:W26 pollingOnDriver', { pollingOnDriver: true }],
    ['spark:W25 writeEnableAsync', { writeEnableAsync: 'true' }],
    ['spark:W25 isAsync', { isAsync: true }],
    ['spark:W30 writeResultLimit', { writeResultLimit: 'none' }],
    ['spark:W35 timeZone', { timeZone: 'Asia/Tokyo' }],
    ['spark:W17 maxRetriesOnMoveExtents', { maxRetriesOnMoveExtents: 12 }],
    ['streamingIngestSizeInMB', { streamingIngestSizeInMB: 3 }],
  ])('%s is accepted, changes nothing, and is noted', (_name, option) => {
    const { notes, ...rest } = writeOptionsFromSpark({ ...BASE, ...option })
    const { notes: none, ...plain } = writeOptionsFromSpark(BASE)
    expect(none).toEqual([])
    expect(rest).toEqual(plain)
    expect(notes).toEqual([expect.stringMatching(new RegExp(`^${Object.keys(option)[0] ?? ''}: `))])
  })

  test.each([
    ['kustoTables', 'kustoTable'],
    ['clientBatchingLimits', 'clientBatchingLimit'],
    ['wrteMode', 'writeMode'],
    ['adjustschemas', 'adjustSchema'],
  ])('spark:A3 %s is answered with the nearest name', (name, nearest) => {
    expect(() => writeOptionsFromSpark({ ...BASE, [name]: 'x' })).toThrow(`did you mean ${nearest}?`)
  })

  it('spark:A3 names a required option that is missing', () => {
    for (const name of ['kustoCluster', 'kustoDatabase', 'kustoTable']) {
      expect(() => writeOptionsFromSpark({ ...BASE, [name]: undefined }), name).toThrow(name)
    }
  })

  it('says what to do in place of each option without a counterpart, those of Synapse among them', () => {
    expect([...SPARK_REFUSED.keys()]).toContain('spark.synapse.linkedservice')
    for (const [name, instead] of SPARK_REFUSED) {
      expect(() => writeOptionsFromSpark({ ...BASE, [name]: 'x' }), name).toThrow(instead)
    }
    for (const name of SPARK_SOURCE_OPTIONS.filter((each) => !SPARK_COMMON_OPTIONS.includes(each))) {
      expect(() => writeOptionsFromSpark({ ...BASE, [name]: 'x' }), name).toThrow(/one of reading/)
    }
  })

  it('acts on, notes or refuses every option of the sink', () => {
    const values: SparkOptions = {
      writeMode: 'Queued',
      tableCreateOptions: 'CreateIfNotExist',
      adjustSchema: 'FailIfNotMatch',
      sparkIngestionPropertiesJson: '{"flushImmediately":true}',
      kustoIngestionStorageContainer: '[{"storageUrl":"https://a.blob.core.windows.net","containerName":"c"}]',
      timeZone: 'UTC',
      tempTableName: 'Staging',
      saveMode: 'Append',
    }
    for (const name of SPARK_SINK_OPTIONS) {
      if (name === 'kustoTable' || name === 'saveMode') continue
      const value = values[name] ?? (/(Limit|Timeout|MB|Node|Extents)$/.test(name) ? 5 : true)
      const plain = writeOptionsFromSpark(BASE)
      let made: unknown
      try {
        made = writeOptionsFromSpark({ ...BASE, [name]: value })
      } catch (error) {
        expect(String(error), name).toContain(name)
        continue
      }
      expect(made, name).not.toEqual(plain)
    }
  })

  test.each<[SparkOptions, RegExp]>([
    [{ saveMode: 'Overwrite' }, /saveMode Append.*mode: 'replace'/],
    [{ partitionBy: 'a' }, /partitionBy/],
  ])('spark:W27 %j is refused with what to do', (option, message) => {
    expect(() => writeOptionsFromSpark({ ...BASE, ...option })).toThrow(message)
  })

  test.each<[SparkOptions, RegExp]>([
    [{ writeMode: 'Stream' }, /Transactional, Queued, KustoStreaming, found Stream/],
    [{ tableCreateOptions: 'Create' }, /FailIfNotExist, CreateIfNotExist/],
    [{ adjustSchema: 'ByName' }, /NoAdjustment, FailIfNotMatch, GenerateDynamicCsvMapping/],
    [properties({ dropByTag: [] }), /found dropByTag/],
    [properties({ dropByTags: 'x' }), /list of texts as dropByTags/],
    [properties({ creationTime: 'yesterday' }), /ISO 8601/],
    [properties({ flushImmediately: 'yes' }), /true or false/],
    [{ sparkIngestionPropertiesJson: '[' }, /JSON object in sparkIngestionPropertiesJson/],
    [{ clientBatchingLimit: 0 }, /whole MB/],
    [{ clientBatchingLimit: '1.5' }, /whole MB/],
    [{ writeMode: 'KustoStreaming', streamingIngestSizeInMB: 11 }, /at most 10/],
    [{ timeoutLimit: 'long' }, /whole seconds/],
    [{ timeZone: 'Mars/Olympus' }, /time zone/],
    [{ writeResultLimit: 'all' }, /none or a whole number/],
    [{ kustoIngestionStorageContainer: '{}' }, /JSON list/],
    [{ kustoIngestionStorageContainer: '[{"storageUrl":"https://a"}]' }, /containerName/],
    [{ kustoIngestionStorageContainer: '[{"url":"https://a"}]' }, /found url/],
    [{ addSourceLocationTransform: true }, /GenerateDynamicCsvMapping with addSourceLocationTransform/],
    [{ pollingOnDriver: 'maybe' }, /true or false/],
  ])('refuses %j', (option, message) => {
    expect(() => writeOptionsFromSpark({ ...BASE, ...option })).toThrow(message)
  })

  it('spark:W21 makes signatures of the connector for containers without one, and says so of a managed identity', () => {
    const { write, notes } = writeOptionsFromSpark({
      ...BASE,
      kustoIngestionStorageContainer: JSON.stringify([
        { storageUrl: 'https://a.blob.core.windows.net', containerName: 'c', userMsi: 'id' },
        { storageUrl: 'https://b.blob.core.windows.net', containerName: 'd' },
      ]),
    })
    expect((write as WriteOptions).ingestionStorage).toEqual([
      { kind: 'user-delegation', url: 'https://a.blob.core.windows.net/c' },
      { kind: 'user-delegation', url: 'https://b.blob.core.windows.net/d' },
    ])
    expect(notes).toEqual([expect.stringContaining('userMsi')])
  })
})
