import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AbortScope } from '../base/abort.ts'
import { mapOrdered } from '../base/map-ordered.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoError, KustoUsageError } from '../errors.ts'
import type { DecodePool } from './decode-pool.ts'
import { REMOVAL_WAIT_MS } from './export-storage-sweep.ts'
import type { BlobReadContext, PartitionBlob } from './read-blobs.ts'
import { readAhead } from './read-ahead.ts'
import type { PieceSource } from './read-ahead.ts'
import type { DistributedRead } from './read-distributed.ts'
import { openExport } from './export-cached.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'
import type { ModuleOutcome, SuppliedBlob } from './thread-messages.ts'

export interface ForEachPartitionOptions {
  /** Threads; each runs the module on one partition at a time. Default: option `workers` of the read. */
  readonly workers?: number
  /** Handed to every call of the module; copied as `structuredClone` does. */
  readonly data?: unknown
  /** Ends the modules too. Default: the signal of the read. */
  readonly signal?: AbortSignal
}

/** Blobs of a partition that are downloaded at once: the one the module asks for next, and within the budget one more. */
const AT_ONCE = 2

/**
 * Runs the default export of a module on the batches of each partition, in threads of their own, so that only results cross
 * back; they come in the order of the partitions. The first failure ends the others.
 * @throws {KustoError} KUSTO_PARTITION_FAILED, with what the module threw, or how its thread ended, as its cause
 */
export async function forEachPartition(
  context: SourceContext,
  read: { readonly source: SourceQuery; readonly settings: ReadSettings },
  run: { readonly module: string | URL; readonly options: ForEachPartitionOptions },
): Promise<readonly unknown[]> {
  const { options } = run
  checkNames(options, ['workers', 'data', 'signal'])
  const module = moduleUrl(run.module)
  const workers = wholeNumber('workers', options.workers ?? read.settings.workers, 64)
  const signals = [read.settings.signal, options.signal].filter((signal) => signal !== undefined)
  const settings: ReadSettings = {
    ...read.settings,
    signal: signals.length === 0 ? undefined : AbortSignal.any(signals),
  }
  const exported = await openExport(context, read.source, settings)
  let hasFailed = true
  try {
    const pool = context.ownPool(Math.min(workers, Math.max(1, exported.blobs.length)))
    try {
      const results = await runAll(pool, exported, { module, workers, data: options.data, settings })
      hasFailed = false
      return results
    } finally {
      // Whatever the modules still do ends here.
      await pool.close()
    }
  } finally {
    await exported.release(settings.signal, hasFailed ? REMOVAL_WAIT_MS : Infinity)
  }
}

async function runAll(
  pool: DecodePool,
  exported: DistributedRead,
  run: {
    readonly module: string
    readonly workers: number
    readonly data: unknown
    readonly settings: ReadSettings
  },
): Promise<readonly unknown[]> {
  const { columns } = exported.context.decode
  const { settings } = run
  const lostTicks = columns.map(() => 0)
  const outcomes = mapOrdered(
    exported.blobs.map((blobs, index) => ({ blobs, index })),
    (partition, signal) => runPartition(pool, { ...partition, ...run, signal }, exported.context),
    { concurrency: run.workers, ...(settings.signal === undefined ? {} : { signal: settings.signal }) },
  )
  const results: unknown[] = []
  for await (const outcome of outcomes) {
    for (const [index, values] of outcome.lostTicks.entries()) lostTicks[index] = (lostTicks[index] ?? 0) + values
    results.push(outcome.result)
  }
  for (const [index, values] of lostTicks.entries()) {
    if (values > 0) settings.onEvent({ kind: 'ticks-lost', column: columns[index]?.name ?? '', values })
  }
  return results
}

/**
 * The URL of a caller's module.
 * @throws {KustoUsageError} KUSTO_BAD_MODULE for a relative path, which says nothing about where it starts
 */
function moduleUrl(module: string | URL): string {
  if (module instanceof URL) return module.href
  if (/^(?:file|data|node):/.test(module)) return module
  if (typeof module === 'string' && isAbsolute(module)) return pathToFileURL(module).href
  throw new KustoUsageError(
    'KUSTO_BAD_MODULE',
    `expected a URL or an absolute path of a module, found ${typeof module === 'string' ? module : typeof module}`,
  )
}

interface PartitionRun {
  readonly index: number
  readonly blobs: readonly PartitionBlob[]
  readonly module: string
  readonly data: unknown
  readonly signal: AbortSignal
}

async function runPartition(
  pool: DecodePool,
  { index, blobs, module, data, signal }: PartitionRun,
  { decode, fetcher, settings, budget }: BlobReadContext,
): Promise<ModuleOutcome> {
  const startedAt = performance.now()
  using scope = new AbortScope(signal)
  const download = async (blob: PartitionBlob, inner: AbortSignal): Promise<SuppliedBlob> => {
    const { bytes: parquet } = await fetcher.fetch(blob, { signal: inner, onEvent: settings.onEvent })
    return { parquet, rows: blob.rows, url: blob.location.url }
  }
  const downloads = readAhead(blobs, async (blob) => whole(blob, download), {
    lanes: AT_ONCE,
    budget,
    openBytes: () => 0,
    signal: scope.signal,
  })
  const partition = { index, rows: blobs.reduce((sum, blob) => sum + blob.rows, 0), blobs: blobs.length }
  const nextBlob = async (): Promise<SuppliedBlob | undefined> => {
    const next = await downloads.next()
    return next.done === true ? undefined : next.value
  }
  try {
    const outcome = await pool.run({ module, partition, data, nextBlob, ...decode }, signal)
    settings.onEvent({
      kind: 'partition-done',
      partition: index,
      rows: outcome.rows,
      elapsedMs: performance.now() - startedAt,
    })
    return outcome
  } catch (cause) {
    signal.throwIfAborted()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new KustoError('KUSTO_PARTITION_FAILED', `partition ${index} failed: ${reason}`, { cause })
  } finally {
    // A module that ended does not wait for the blob it will not read.
    scope.abort()
    await downloads.return()
  }
}

/** The blob as one piece, which is held until the module asks for the next one. */
function whole(
  blob: PartitionBlob,
  download: (blob: PartitionBlob, signal: AbortSignal) => Promise<SuppliedBlob>,
): PieceSource<SuppliedBlob> {
  return { pieceBytes: [blob.bytes], read: (_, signal) => download(blob, signal), close: () => undefined }
}
