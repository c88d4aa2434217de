/** Which way of reading is the fastest: a small benchmark on the embedded Kusto, its report, and a comparison with itself. */
import { writeFile } from 'node:fs/promises'
import { KustoConnector, benchmarkExport, benchmarkReport, benchmarkText, compareBenchmarks, kql } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })

const result = await benchmarkExport(
  kusto,
  kql`range n from 1 to 50000 step 1 | extend name = strcat('name ', n % 100)`,
  {
    sweep: { mode: ['single', 'distributed'], partitions: [1, 2], workers: [1] },
    repetitions: 3,
    maxSeconds: 60,
    onEvent: (event) => {
      if (event.kind === 'run-finished')
        console.error(`${event.index} of ${event.total}: ${event.label}, ${event.outcome}`)
    },
  },
)
console.log(benchmarkText(result))
console.log('decided:', result.recommendation.isDecided)

const [file] = process.argv.slice(2)
if (file !== undefined) await writeFile(file, await benchmarkReport(result))

// A later result, for example of another version, is compared with this one; here it is the same.
const { hasRegression, changes } = compareBenchmarks(JSON.stringify(result), result, { regressionPercent: 5 })
console.log('configurations:', changes.length, 'regression:', hasRegression)
