import { kql } from '../index.ts'
import type { KustoConnector } from '../index.ts'

/**
 * One row a minute, with every scalar type, nulls, nested values and text of several scripts: enough to try each command.
 * The same rows each time.
 */
const SAMPLES = kql.raw(`.set-or-replace Samples <|
range Id from 1 to 1000 step 1
| extend Level = case(Id % 7 == 0, 'error', Id % 3 == 0, 'warning', 'info')
| extend City = tostring(dynamic(['Zürich', '東京', 'São Paulo', 'Αθήνα', 'القاهرة', 'Reykjavík'])[toint(Id % 6)])
| project Id, Time = datetime(2026-01-01) + Id * 1m, Level, City,
  Value = iff(Id % 11 == 0, real(null), round(50 + 40 * sin(Id / 30.0), 3)),
  Price = todecimal(Id) / 100, Ok = Level != 'error', Took = Id * timespan(00:00:00.1234567),
  Session = toguid(strcat('00000000-0000-4000-8000-', substring(tostring(1000000000000 + Id), 1))),
  Tags = bag_pack('n', Id % 5, 'list', pack_array(Id, Level))`)

/** Fills the table `Samples` of an embedded Kusto. */
export async function loadSamples(kusto: KustoConnector, signal: AbortSignal): Promise<void> {
  await kusto.command(SAMPLES, { signal }).table()
}
