/** How a read chooses its way, what it tells about it, and how an export is kept for the next read. */
import { KustoConnector } from 'kusto-arrow'
import type { ReadEvent } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

await using local = await startLocalKusto()
await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
await kusto.command('.set-or-append Numbers <| range n from 1 to 20000 step 1').rows()

function tell(event: ReadEvent): void {
  if (event.kind === 'mode') console.log(`  ${event.mode}: ${event.reason}`)
  if (event.kind === 'cache') console.log(event.hit ? '  kept export' : '  new export')
}

console.log('auto')
await kusto.read('Numbers', { onEvent: tell }).table()

console.log('auto, past a limit')
await kusto.read('Numbers', { onEvent: tell, properties: { truncationmaxrecords: 100 } }).table()

console.log('auto, with a count first')
await kusto.read('Numbers', { onEvent: tell, estimate: 'count', exportAboveRows: 5_000 }).table()

console.log('distributed, kept for a minute')
const kept = kusto.read('Numbers', { mode: 'distributed', cache: { ttlMs: 60_000 }, onEvent: tell })
for (let run = 0; run < 2; run++) console.log(`  ${(await kept.table()).numRows} rows`)
await kusto.invalidate(kept)

console.log('what a run would do')
console.log(String(await kusto.read('Numbers', { mode: 'distributed' }).limit(10).explain()))
