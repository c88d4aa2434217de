/** Options of a read: request properties, a deadline, a schema, and the options map of a Spark job. */
import { KustoConnector, kql, readOptionsFromSpark } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
await kusto.command('.set-or-append Numbers <| range n from 1 to 100 step 1 | extend half = n / 2.0').rows()

const read = kusto.read(kql`Numbers | where n <= ${10}`, {
  requestId: 'nightly-report',
  application: 'reports',
  timeoutMs: 60_000,
  properties: { queryconsistency: 'weakconsistency', query_datascope: 'hotcache' },
  schema: 'n:int, half:real',
})
console.log(String((await read.table()).schema))

const spark = readOptionsFromSpark({
  kustoCluster: local.cluster,
  kustoDatabase: local.database,
  kustoQuery: 'Numbers | where n <= 10',
  readMode: 'ForceDistributedMode',
  customSchema: 'n BIGINT',
  clientRequestPropertiesJson: '{"Options":{"query_datascope":"all"}}',
})
await using fromSpark = new KustoConnector(spark.connector)
console.log('rows', (await fromSpark.read(spark.query, spark.read).table()).numRows)
