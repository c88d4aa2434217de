import { createHash } from 'node:crypto'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { ByteBudget } from '../base/byte-budget.ts'
import { readBlobs } from './read-blobs.ts'
import { partitionOf } from './partition.ts'
import { openDistributed } from './read-distributed.ts'
import type { DistributedRead } from './read-distributed.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import { queryText } from './source-query.ts'
import type { SourceQuery } from './source-query.ts'

/** Settings that change neither the rows nor where they lie. */
const NOT_OF_THE_PLAN: ReadonlySet<string> = new Set<keyof ReadSettings>([
  'mode',
  'estimate',
  'estimateTimeoutMs',
  'exportAboveRows',
  'fallback',
  'requestId',
  'timeoutMs',
  'exportTimeoutMs',
  'maxHeldBytes',
  'maxBufferedBytes',
  'pushDown',
  // What it says of the rows is in the columns of the source and in the types.
  'schema',
  'cache',
  'signal',
  'onEvent',
])

/** The same of request properties: what `timeoutMs` and `application` stand for. */
const NOT_OF_THE_ROWS: ReadonlySet<string> = new Set(['servertimeout', 'norequesttimeout', 'request_app_name'])

/**
 * The key of an export: a digest of the query after push-down with its values, and of every setting but those known to
 * make no difference, so that a new setting separates plans unless somebody decides otherwise. Which columns become
 * dictionaries is decided when blobs are decoded. The cache belongs to a connector, hence to one cluster and database.
 */
export function planKey(source: SourceQuery, settings: ReadSettings): string {
  const { csl, parameters } = queryText(source)
  const types = { ...settings.types, dictionary: undefined }
  const properties = Object.fromEntries(
    Object.entries(settings.properties).filter(([name]) => !NOT_OF_THE_ROWS.has(name)),
  )
  const plan = {
    csl,
    parameters: [...parameters].map(([name, { literal }]) => [name, literal]),
    columns: source.columns,
    settings: Object.entries({ ...settings, types, properties }).filter(([name]) => !NOT_OF_THE_PLAN.has(name)),
  }
  return createHash('sha256')
    .update(JSON.stringify(plan, (_, value: unknown) => canonical(value)))
    .digest('hex')
}

/** An export that is done: a fresh one, or with the option `cache` the one an earlier read of the same plan made. */
export async function openExport(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
): Promise<DistributedRead> {
  const { cache } = settings
  if (cache === undefined) return openDistributed(context, source, settings)
  const lease = await context.exportCache.lease(planKey(source, settings), {
    settings: cache,
    signal: settings.signal,
    open: (signal) => openDistributed(context, source, { ...settings, signal }),
  })
  try {
    settings.onEvent({ kind: 'cache', hit: lease.hit })
    // The export belongs to the cache; dictionaries, budget, signal and events are those of this read.
    return { ...readWith(lease.value, settings), release: (signal) => lease.giveBack(signal) }
  } catch (error) {
    await lease.giveBack(settings.signal)
    throw error
  }
}

/**
 * The same export, its blobs read with the dictionaries, the budget, the signal and the events of these settings.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for a dictionary column that is not there
 */
export function readWith(read: DistributedRead, settings: ReadSettings): DistributedRead {
  const { types } = settings
  const decode = { ...read.context.decode, types }
  const schema = arrowSchema(decode.columns, types)
  const budget = new ByteBudget(settings.maxBufferedBytes)
  const context = { ...read.context, schema, decode, settings, budget }
  return {
    ...read,
    schema,
    context,
    partitions: read.blobs.map((members, index) => partitionOf(index, members, context)),
    batches: () => readBlobs(read.blobs.flat(), context),
  }
}

/** Objects with their keys in order; what JSON does not know as text. */
function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Date || typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
