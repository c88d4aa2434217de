/** The verbs of a read: they become part of the query, or are applied here with `pushDown: false`. */
import { col, kql, KustoConnector, or } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
await kusto
  .command(
    `.set-or-append Flights <|
     datatable(origin:string, destination:string, delay:int, departed:datetime)[
       "ATL", "LAX", 75, datetime(2001-01-14), "LAX", "JFK", 12, datetime(2001-01-15),
       "ATL", "ord", int(null), datetime(2001-02-01), "JFK", "LAX", 61, datetime(2001-03-09)]`,
  )
  .rows()

const flights = kusto.read('Flights')

const late = flights.where(col('delay').gt(60)).select('origin', 'delay')
console.log('late', (await late.table()).toArray().map(String))

// Null is neither more than 60 nor not more than 60; `contains` ignores case, `containsCs` does not.
const either = flights.where(or(col('delay').isNull(), col('destination').containsCs('JFK')))
console.log('either', await either.count())

const spring = flights.where(col('departed').between(new Date('2001-02-01'), new Date('2001-03-31')))
console.log('spring', await spring.count())

console.log('worst', (await flights.top(2, 'delay').table()).getChild('delay')?.toArray())
console.log('origins', (await flights.distinct('origin').table()).numRows)
console.log('two', (await flights.limit(2).table()).numRows)

// The same rows, filtered on this side: for a source that should be read as it is.
const here = kusto.read(kql`Flights | where origin in (${'ATL'}, ${'JFK'})`, { pushDown: false })
console.log('here', await here.where(col('delay').gt(60)).count())
