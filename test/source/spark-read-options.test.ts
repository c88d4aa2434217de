import { describe, expect, it, test } from 'vitest'
import { KustoConnector, readOptionsFromSpark } from '../../src/index.ts'
import { SPARK_REFUSED, SPARK_SINK_OPTIONS, SPARK_SOURCE_OPTIONS } from '../../src/protocol/spark-names.ts'
import { readSettings } from '../../src/source/read-settings.ts'

const BASE = { kustoCluster: 'mycluster.westeurope', kustoDatabase: 'db', kustoQuery: 'T | take 5' }

const SAS = 'sv=2022-11-02&sig=abc%3D'
const storage = (...storageCredentials: readonly object[]): { readonly transientStorage: string } => ({
  transientStorage: JSON.stringify({ storageCredentials, endpointSuffix: 'core.windows.net' }),
})

describe('readOptionsFromSpark', () => {
  it('spark:A4 takes every option, its name in any case, and makes what the connector and a read accept', async () => {
    const { connector, query, read } = readOptionsFromSpark({
      KUSTOCLUSTER: 'https://MyCluster.kusto.windows.net',
      kustodatabase: 'db',
      kustoQuery: 'T // all',
      kustoIngestionUri: 'https://ingest-mycluster.kusto.windows.net',
      readMode: 'ForceDistributedMode',
      queryFilterPushDown: 'false',
      distributedReadModeTransientCache: true,
      ...storage({ storageAccountName: 'acct', blobContainer: 'c', storageAccountKey: 'a2V5' }),
      storageProtocol: 'abfss',
      kustoExportOptionsJson:
        '{"compressionType":"gzip","sizeLimit":"250","distribution":"single","parquetDatetimePrecision":"microsecond"}',
      clientRequestPropertiesJson: '{"Options":{"servertimeout":"00:05:00","notruncation":true},"Parameters":{}}',
      requestId: 'job-7',
      timeoutLimit: 600,
      customSchema: 'a BIGINT, `b c` STRING, d DECIMAL(38, 18) NOT NULL, t TIMESTAMP',
      numPartitions: 8,
      partitionMode: 'hash',
      partitionColumn: 'a',
      accessToken: 'TOKEN',
    })
    expect(connector).toEqual({
      cluster: 'https://mycluster.kusto.windows.net',
      database: 'db',
      ingestionCluster: 'https://ingest-mycluster.kusto.windows.net',
      credential: 'TOKEN',
    })
    expect(query.text).toBe('T // all')
    expect(read).toEqual({
      mode: 'distributed',
      pushDown: false,
      cache: { ttlMs: 3_600_000 },
      storage: [
        { kind: 'account-key', account: 'acct', container: 'c', key: 'a2V5', endpointSuffix: 'core.windows.net' },
      ],
      compression: 'gzip',
      sizeLimit: 262_144_000,
      distribution: 'single',
      properties: { servertimeout: '00:05:00', notruncation: true },
      requestId: 'job-7',
      timeoutMs: 600_000,
      exportTimeoutMs: 600_000,
      schema: "['a']:long, ['b c']:string, ['d']:decimal, ['t']:datetime",
      partitions: 8,
      partitionBy: { kind: 'hash', column: 'a' },
    })
    expect(readSettings(read).schema?.columns.map((column) => column.name)).toEqual(['a', 'b c', 'd', 't'])
    await using kusto = new KustoConnector(connector)
    expect(kusto.cluster).toBe('https://mycluster.kusto.windows.net')
  })

  test.each([
    ['help', 'https://help.kusto.windows.net'],
    ['mycluster.westeurope', 'https://mycluster.westeurope.kusto.windows.net'],
    ['https://X.kusto.chinacloudapi.cn', 'https://x.kusto.chinacloudapi.cn'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['trd-abc.z1.kusto.fabric.microsoft.com', 'https://trd-abc.z1.kusto.fabric.microsoft.com'],
  ])('spark:A1 the cluster %s is %s', (kustoCluster, cluster) => {
    expect(readOptionsFromSpark({ ...BASE, kustoCluster }).connector.cluster).toBe(cluster)
  })

  test.each([
    ['readmode', 'readMode'],
    ['readModes', 'readMode'],
    ['kustoQuerry', 'kustoQuery'],
    ['timeoutLimits', 'timeoutLimit'],
  ])('spark:A3 %s is taken or answered with the nearest name', (name, nearest) => {
    if (name.toLowerCase() === nearest.toLowerCase()) {
      expect(readOptionsFromSpark({ ...BASE, [name]: 'ForceSingleMode' }).read.mode).toBe('single')
    } else expect(() => readOptionsFromSpark({ ...BASE, [name]: 'x' })).toThrow(`did you mean ${nearest}?`)
  })

  it('spark:A3 names a required option that is missing', () => {
    for (const name of ['kustoCluster', 'kustoDatabase', 'kustoQuery']) {
      expect(() => readOptionsFromSpark({ ...BASE, [name]: undefined })).toThrow(name)
    }
  })

  it('spark:A4 says what to do in place of each option without a counterpart', () => {
    for (const [name, instead] of SPARK_REFUSED) {
      expect(() => readOptionsFromSpark({ ...BASE, [name]: 'x' }), name).toThrow(instead)
    }
    for (const name of SPARK_SINK_OPTIONS) {
      expect(() => readOptionsFromSpark({ ...BASE, [name]: 'x' }), name).toThrow(/one of writing/)
    }
  })

  it('knows each option once', () => {
    const all = [...SPARK_SOURCE_OPTIONS, ...SPARK_SINK_OPTIONS, ...SPARK_REFUSED.keys()].map((name) =>
      name.toLowerCase(),
    )
    expect(new Set(all).size).toBe(all.length)
  })

  test.each([
    [
      { sasUrl: `https://acct.blob.core.windows.net/c?${SAS}` },
      { kind: 'sas', url: `https://acct.blob.core.windows.net/c?${SAS}` },
    ],
    [
      { SASURL: 'https://acct.blob.core.windows.net/c', sasKey: `?${SAS}` },
      { kind: 'sas', url: 'https://acct.blob.core.windows.net/c', sas: `?${SAS}` },
    ],
    [
      { storageAccountName: 'acct', blobContainer: 'c', sasKey: SAS },
      { kind: 'sas', url: 'https://acct.blob.core.windows.net/c', sas: SAS },
    ],
    [
      { storageAccountName: 'acct', blobContainer: 'c', sasKey: ';impersonate' },
      { kind: 'impersonate', url: 'https://acct.blob.core.windows.net/c' },
    ],
    [
      { sasUrl: 'https://acct.blob.core.windows.net/c;impersonate' },
      { kind: 'impersonate', url: 'https://acct.blob.core.windows.net/c' },
    ],
    [
      { oneLakeUrl: 'abfss://ws@onelake.dfs.fabric.microsoft.com/lh.Lakehouse/Files/x' },
      { kind: 'onelake', url: 'abfss://ws@onelake.dfs.fabric.microsoft.com/lh.Lakehouse/Files/x' },
    ],
    [
      {
        storageAccountName: 'acct',
        blobContainer: 'c',
        storageAccountKey: 'a2V5',
        domainSuffix: 'core.chinacloudapi.cn',
      },
      { kind: 'account-key', account: 'acct', container: 'c', key: 'a2V5', endpointSuffix: 'core.chinacloudapi.cn' },
    ],
  ])('spark:R13 spark:R14 spark:R15 storage %j is understood', (entry, expected) => {
    const { read } = readOptionsFromSpark({ ...BASE, ...storage(entry) })
    expect(read.storage).toEqual([expected])
    expect(readSettings(read).storage.kind).toBe('own')
  })

  test.each([
    [{ transientStorage: '[' }, /JSON object in transientStorage/],
    [storage(), /list of storageCredentials/],
    [storage({ storageAccountName: 'a' }), /found storageaccountname/],
    [storage({ storageAccount: 'a' }), /found storageaccount/],
    [{ readMode: 'Single' }, /ForceSingleMode/],
    [{ timeoutLimit: '1.5' }, /whole seconds/],
    [{ storageProtocol: 'https' }, /wasbs/],
    [{ queryFilterPushDown: 'no' }, /true or false/],
    [{ partitionMode: 'integer' }, /hash/],
    [{ numPartitions: 0 }, /whole number/],
    [{ customSchema: 'a ARRAY<INT>' }, /a BIGINT/],
    [{ kustoExportOptionsJson: '{"namePrefix":"x"}' }, /found nameprefix/],
    [{ kustoExportOptionsJson: '{"sizeLimit":1.5}' }, /whole MB/],
    [{ kustoAadAppId: 'id' }, /kustoAadAppSecret/],
    [{ kustoAadAppId: 'id', accessToken: 'x' }, /found both/],
    [{ clientRequestPropertiesJson: '{"Option":{}}' }, /found Option/],
  ])('refuses %j', (options, message) => {
    expect(() => readOptionsFromSpark({ ...BASE, ...options })).toThrow(message)
  })

  it('spark:S1 hands an app and its secret on, whatever is in it', () => {
    const { connector } = readOptionsFromSpark({
      ...BASE,
      kustoAadAppId: '0d6c3b4e-0000-0000-0000-000000000001',
      kustoAadAppSecret: 'a;b"c=d',
      kustoAadAuthorityID: 'contoso.com',
    })
    expect(connector.connectionString).toContain('Application Key="a;b""c=d"')
    expect(() => new KustoConnector(connector)).not.toThrow()
  })

  it('spark:R17 leaves compression out when told so', () => {
    const { read } = readOptionsFromSpark({ ...BASE, kustoExportOptionsJson: '{"compressed":"none"}' })
    expect(read.compression).toBe('none')
  })

  it('spark:A6 makes query parameters part of the query, for each type without a way out of the literal', () => {
    const kustoQuery =
      'declare query_parameters(n:long, s:string = "x, y", t:datetime, z:real = 1.5);\nT | where a == n and b == s and t > t'
    const { query } = readOptionsFromSpark({
      ...BASE,
      kustoQuery,
      clientRequestPropertiesJson: '{"Parameters":{"n":"5","s":"it\'s \\"x\\"","t":"datetime(2020-01-01)"}}',
    })
    expect(query.text).toBe(
      'let n = long(5);\nlet s = "it\\\'s \\"x\\"";\nlet t = datetime(2020-01-01);\nlet z = 1.5;\nT | where a == n and b == s and t > t',
    )
    const bad = (Parameters: object, message: RegExp): void => {
      const clientRequestPropertiesJson = JSON.stringify({ Parameters })
      expect(() => readOptionsFromSpark({ ...BASE, kustoQuery, clientRequestPropertiesJson })).toThrow(message)
    }
    bad({ n: '5); T //', t: '2020-01-01' }, /literal of type long/)
    bad({ n: '5' }, /value for the query parameter t/)
    bad({ n: '5', t: '2020-01-01', unknown: '1' }, /declare its parameter unknown/)
  })

  it('a name with a dash is a table', () => {
    expect(readOptionsFromSpark({ ...BASE, kustoQuery: 'my-table' }).query.text).toBe("['my-table']")
  })
})
