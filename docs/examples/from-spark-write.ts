/** The options map of a Spark job that writes, as it is. */
import { tableFromArrays } from 'apache-arrow'
import { KustoConnector, writeOptionsFromSpark } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()

const spark = writeOptionsFromSpark({
  kustoCluster: local.cluster,
  kustoDatabase: local.database,
  kustoTable: 'Flights',
  tableCreateOptions: 'CreateIfNotExist',
  adjustSchema: 'GenerateDynamicCsvMapping',
  writeMode: 'Transactional',
  sparkIngestionPropertiesJson: '{"dropByTags":["july"],"ingestByTags":["day-1"],"ingestIfNotExists":["day-1"]}',
  clientBatchingLimit: 300,
  timeoutLimit: 600,
  pollingOnDriver: true,
  timeZone: 'Europe/Berlin',
})
for (const note of spark.notes) console.log('note', note)

await using kusto = new KustoConnector(spark.connector)
const flights = tableFromArrays({ origin: ['ATL', 'LAX'], delay: Int32Array.of(12, 3) })
for (const attempt of [1, 2]) {
  const receipt = await kusto.write(spark.table, flights, spark.write)
  await receipt.completed(spark.completed)
  console.log('attempt', attempt, 'rows', await kusto.read('Flights').count())
}
try {
  writeOptionsFromSpark({ kustoCluster: 'help', kustoDatabase: 'Samples', kustoTabel: 'Flights' })
} catch (error) {
  console.log(error instanceof Error ? error.message : error)
}
