import { createHash } from 'node:crypto'
import type { RecordBatch } from 'apache-arrow'
import pLimit from 'p-limit'
import { AbortScope } from '../base/abort.ts'
import { ByteBudget } from '../base/byte-budget.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import { removeBlobs } from '../storage/remove-blobs.ts'
import { statBlob } from '../storage/stat-blob.ts'
import { blobAt } from '../storage/storage-location.ts'
import type { StorageLocation } from '../storage/storage-location.ts'
import { REMOVAL_WAIT_MS } from './export-storage-sweep.ts'
import { BlobFetcher } from './fetch-blob.ts'
import type { ReadPartition } from './partition.ts'
import { readBlobs } from './read-blobs.ts'
import type { BlobReadContext, PartitionBlob } from './read-blobs.ts'
import { openDistributed } from './read-distributed.ts'
import { makePlan, parsePlan, planPartition, planSchema } from './read-plan.ts'
import type { PlanBlob, PlanPartition, ReadPlan } from './read-plan.ts'
import { readSettings } from './read-settings.ts'
import type { ReadOptions, ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import { queryText } from './source-query.ts'
import type { SourceQuery } from './source-query.ts'

export interface PlanOptions {
  /** How long the plan is read. Storage may delete the service's own blobs after some days. Default 86,400,000 (a day). */
  readonly ttlMs?: number
}

/** Choices of whoever reads a partition of a plan; the plan decides all others. */
export type PartitionOptions = Pick<
  ReadOptions,
  'workers' | 'batchRows' | 'maxBufferedBytes' | 'storage' | 'signal' | 'onEvent'
>

const PARTITION_OPTIONS: readonly (keyof PartitionOptions)[] = [
  'workers',
  'batchRows',
  'maxBufferedBytes',
  'storage',
  'signal',
  'onEvent',
]
const RELEASE_OPTIONS: readonly (keyof PartitionOptions)[] = ['storage', 'signal', 'onEvent']

/** Requests for the version of a blob that run at once. */
const STATS = 8
/** What one try of them may take: an answer without a body. */
const STAT_LIMIT_MS = 10_000

/** Exports a query's rows and describes the blobs; they live until the plan is released. */
export async function createPlan(
  context: SourceContext,
  read: { readonly source: SourceQuery; readonly settings: ReadSettings },
  options: PlanOptions,
): Promise<ReadPlan> {
  checkNames(options, ['ttlMs'])
  const ttlMs = wholeNumber('ttlMs', options.ttlMs ?? 86_400_000, 31_536_000_000)
  const { source, settings } = read
  const exported = await openDistributed(context, source, settings)
  try {
    const described = await describeBlobs(exported.blobs.flat(), settings.signal)
    let at = 0
    const partitions = exported.blobs.map((blobs, index): PlanPartition => {
      const rows = blobs.reduce((sum, blob) => sum + blob.rows, 0)
      return { index, rows, blobs: described.slice(at, (at += blobs.length)) }
    })
    const nowMs = Date.now()
    return makePlan({
      cluster: context.cluster,
      database: context.database,
      queryHash: queryHash(source),
      columns: exported.context.decode.columns,
      types: settings.types,
      directory: exported.directory,
      operationIds: exported.operationIds,
      ownsBlobs: !settings.keepBlobs,
      createdAt: new Date(nowMs).toISOString(),
      expiresAt: new Date(nowMs + ttlMs).toISOString(),
      partitions,
    })
  } catch (error) {
    await exported.release(settings.signal, REMOVAL_WAIT_MS)
    throw error
  }
}

/** In the order of the blobs. The first one that storage does not tell of ends the questions for all others. */
async function describeBlobs(
  blobs: readonly PartitionBlob[],
  signal: AbortSignal | undefined,
): Promise<readonly PlanBlob[]> {
  using scope = new AbortScope(signal)
  const limit = pLimit(STATS)
  const asked = blobs.map(({ location, rows }) =>
    limit(async (): Promise<PlanBlob> => {
      scope.signal.throwIfAborted()
      const version = await statBlob(location, { signal: scope.signal, limitMs: STAT_LIMIT_MS })
      return { url: location.url, rows, ...version }
    }),
  )
  try {
    return await Promise.all(asked)
  } finally {
    scope.abort()
  }
}

/**
 * One partition of a plan, opened with this connector's own access.
 * @throws {KustoUsageError} KUSTO_BAD_PLAN, KUSTO_OTHER_CLUSTER, KUSTO_PLAN_EXPIRED, KUSTO_NO_PARTITION; and, while iterating,
 * KUSTO_FOREIGN_BLOB for a blob that lies in none of our containers
 */
export function openPartition(
  context: SourceContext,
  json: unknown,
  which: { readonly index: number; readonly options: PartitionOptions },
): ReadPartition {
  const plan = ownPlan(context, json)
  checkNames(which.options, PARTITION_OPTIONS)
  const settings = readSettings({ ...which.options, mode: 'distributed', types: plan.types })
  const schema = planSchema(plan)
  const { index, rows, blobs } = planPartition(plan, which.index, Date.now())
  const storage = context.exportStorage(settings.storage)
  const blobContext: BlobReadContext = {
    pool: () => context.decodePool(settings.workers),
    fetcher: new BlobFetcher((signal) => storage.renew(signal)),
    budget: new ByteBudget(settings.maxBufferedBytes),
    schema,
    decode: { columns: plan.columns, types: plan.types, batchRows: settings.batchRows },
    settings,
  }
  async function* batches(): AsyncGenerator<RecordBatch> {
    const targets = await storage.targets(settings.signal)
    const locations = targets.map((target) => target.location)
    const members = blobs.map(({ url, ...blob }): PartitionBlob => {
      return { ...blob, location: signed(url, locations), partition: index }
    })
    yield* readBlobs(members, blobContext)
  }
  const iterable = { [Symbol.asyncIterator]: batches }
  return { index, schema, rows, blobs: blobs.length, batches: iterable, ...iterable }
}

/** Deletes the blobs that a plan owns; those already gone do not matter. */
export async function releasePlan(context: SourceContext, json: unknown, options: PartitionOptions): Promise<void> {
  const plan = ownPlan(context, json)
  checkNames(options, RELEASE_OPTIONS)
  if (!plan.ownsBlobs) return
  const settings = readSettings(options)
  const targets = await context.exportStorage(settings.storage).targets(settings.signal)
  const locations = targets.map((target) => target.location)
  const urls = plan.partitions.flatMap(({ blobs }) => blobs.map(({ url }) => url))
  const outside = urls.find((url) => !decodeURI(url).includes(`/${plan.directory}/`))
  if (outside !== undefined) throw foreignBlob(outside, `below ${plan.directory}`)
  const { removed, failures } = await removeBlobs(
    urls.map((url) => signed(url, locations)),
    settings.signal === undefined ? {} : { signal: settings.signal },
  )
  settings.signal?.throwIfAborted()
  for (const failure of failures) context.log.warning(`an exported blob is left: ${String(failure)}`)
  settings.onEvent({ kind: 'blobs-removed', removed, failed: failures.length, directory: plan.directory })
}

function ownPlan(context: SourceContext, json: unknown): ReadPlan {
  const plan = parsePlan(json)
  if (plan.cluster === context.cluster && plan.database === context.database) return plan
  throw new KustoUsageError(
    'KUSTO_OTHER_CLUSTER',
    `expected a plan of ${context.cluster} ${context.database}, found one of ${plan.cluster} ${plan.database}`,
  )
}

/** Access is given to blobs in our own containers only: a plan may come from anywhere. */
function signed(url: string, containers: readonly StorageLocation[]): StorageLocation {
  const location = blobAt(url, containers)
  if (location === undefined) throw foreignBlob(url, `in one of ${containers.length} containers of this connector`)
  return location
}

function foreignBlob(url: string, where: string): KustoUsageError {
  return new KustoUsageError('KUSTO_FOREIGN_BLOB', `expected a blob ${where}, found ${url}`)
}

function queryHash(source: SourceQuery): string {
  const { csl, parameters } = queryText(source)
  const values = [...parameters].map(([name, { type, literal }]) => [name, type, literal])
  return createHash('sha256')
    .update(JSON.stringify([csl, values]))
    .digest('hex')
}
