import { type RecordBatch, type Schema, Table } from 'apache-arrow'
import { badOption } from '../base/check-options.ts'
import type { Filter } from '../kql/filter.ts'
import { resolveDictionary } from './resolve-dictionary.ts'
import { openDataframe, partitionable, schemaOf, sentSettings, startFrame, withVerb } from './dataframe.ts'
import type { Dataframe } from './dataframe.ts'
import { countRows } from './estimate-rows.ts'
import { explainDataframe } from './explain.ts'
import type { ExplainOptions, ReadExplanation } from './explain.ts'
import { openExport, planKey, readWith } from './export-cached.ts'
import { forEachPartition } from './for-each-partition.ts'
import type { ForEachPartitionOptions } from './for-each-partition.ts'
import { createPlan } from './open-plan.ts'
import type { PlanOptions } from './open-plan.ts'
import type { DistributedRead } from './read-distributed.ts'
import { fetchColumns } from './read-schema.ts'
import type { ReadPartition } from './partition.ts'
import type { ReadPlan } from './read-plan.ts'
import type { SourceContext } from './source-context.ts'
import type { SortOrder, Verb } from './verbs.ts'

/**
 * A lazy dataframe over a query. Nothing is sent until it is awaited or iterated; each await or loop runs it once.
 * Verbs give a new read; they become part of the query unless `pushDown` is off.
 */
export class KustoRead implements AsyncIterable<RecordBatch> {
  readonly #context: SourceContext
  readonly #frame: Dataframe

  constructor(context: SourceContext, frame: Dataframe) {
    this.#context = context
    this.#frame = frame
  }

  /** Rows for which the filter holds; a null is not true. */
  where(filter: Filter): KustoRead {
    return this.#with({ kind: 'where', filter })
  }

  /**
   * These columns, in this order.
   * @throws {KustoUsageError} KUSTO_BAD_COLUMNS for no column or one named twice
   */
  select(...columns: readonly string[]): KustoRead {
    return this.#with({ kind: 'select', columns })
  }

  /** At most this many rows; which ones is up to the service. */
  limit(rows: number): KustoRead {
    return this.#with({ kind: 'limit', rows })
  }

  /**
   * The rows with the largest values of a column, or the smallest ones with `asc`; nulls are smaller than all values. A
   * single query gives them in this order, an export in any.
   */
  top(rows: number, by: string, order: SortOrder = 'desc'): KustoRead {
    return this.#with({ kind: 'top', rows, key: { column: by, order } })
  }

  /** The different rows of these columns, or of all when none are named. */
  distinct(...columns: readonly string[]): KustoRead {
    return this.#with({ kind: 'distinct', columns })
  }

  /** All rows as one table; with a schema even when there are none. */
  async table(): Promise<Table> {
    using started = startFrame(this.#frame)
    await using opened = await openDataframe(this.#context, await resolveDictionary(this.#context, started.frame))
    const batches: RecordBatch[] = []
    for await (const batch of opened.batches) batches.push(batch)
    return new Table(opened.schema, batches)
  }

  /** The batches as they come; leaving the loop stops the work and removes what it made. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch, void, undefined> {
    using started = startFrame(this.#frame)
    await using opened = await openDataframe(this.#context, await resolveDictionary(this.#context, started.frame))
    yield* opened.batches
  }

  /** The Arrow schema of the rows, as declared or by `getschema`: nothing is run but the sample of `dictionary: 'auto'`. */
  async schema(): Promise<Schema> {
    using started = startFrame(this.#frame)
    const frame = await resolveDictionary(this.#context, started.frame)
    const { source, settings } = frame
    return schemaOf(frame, source.columns ?? (await fetchColumns(this.#context, source, settings)))
  }

  /** The number of rows, counted by the service, or here when verbs are not pushed down. */
  async count(): Promise<number> {
    using started = startFrame(this.#frame)
    const { applied, source, settings } = started.frame
    if (applied.length === 0) return await countRows(this.#context, source, settings)
    await using opened = await openDataframe(this.#context, await resolveDictionary(this.#context, started.frame))
    let rows = 0
    for await (const batch of opened.batches) rows += batch.numRows
    return rows
  }

  /** What a run would do, and why, without running it; only the sample of `dictionary: 'auto'` is taken. */
  async explain(options: ExplainOptions = {}): Promise<ReadExplanation> {
    using started = startFrame(this.#frame)
    return await explainDataframe(this.#context, await resolveDictionary(this.#context, started.frame), options)
  }

  /** Forgets the exports that the option `cache` keeps for this read; its next run exports anew. */
  async invalidate(): Promise<void> {
    const { source, settings } = this.#frame
    const keys = new Set([planKey(source, settings), planKey(source, sentSettings(this.#frame))])
    await Promise.all([...keys].map((key) => this.#context.exportCache.invalidate(key)))
  }

  /**
   * The read as partitions that can be iterated one by one or side by side, each of them again if need be. Exports the
   * rows first, whatever the mode. The exported blobs live until `release()`; `timeoutMs` is the deadline of the export.
   */
  async partitions(): Promise<ReadPartitions> {
    using started = startFrame(this.#frame)
    const { source, settings } = partitionable(await resolveDictionary(this.#context, started.frame))
    const read = await openExport(this.#context, source, settings)
    // The deadline was that of the export.
    return new ReadPartitions(readWith(read, { ...settings, signal: this.#frame.settings.signal }))
  }

  /**
   * Exports the rows and describes the blobs as plain JSON without credentials, to be read by partition with
   * `readPartition`, here or in another process. The blobs live until `release(plan)`.
   * @throws {KustoUsageError} KUSTO_BAD_OPTION with option `cache`
   */
  async plan(options: PlanOptions = {}): Promise<ReadPlan> {
    if (this.#frame.settings.cache !== undefined) {
      throw badOption('expected no option cache for a plan, whose blobs live until it is released')
    }
    using started = startFrame(this.#frame)
    return await createPlan(
      this.#context,
      partitionable(await resolveDictionary(this.#context, started.frame)),
      options,
    )
  }

  /**
   * Runs the default export of an ES module, `(batches, { partition, schema, data }) => result`, on each partition in a
   * worker thread, so that only results cross back. They come in the order of the partitions.
   * @throws {KustoError} KUSTO_PARTITION_FAILED with what the module threw as its cause
   */
  async forEachPartition(module: string | URL, options: ForEachPartitionOptions = {}): Promise<readonly unknown[]> {
    using started = startFrame(this.#frame)
    return await forEachPartition(this.#context, partitionable(await resolveDictionary(this.#context, started.frame)), {
      module,
      options,
    })
  }

  #with(verb: Verb): KustoRead {
    return new KustoRead(this.#context, withVerb(this.#frame, verb))
  }
}

/** The partitions of one export, and its lifetime. */
export class ReadPartitions implements Iterable<ReadPartition>, AsyncDisposable {
  readonly #read: DistributedRead

  constructor(read: DistributedRead) {
    this.#read = read
  }

  get schema(): Schema {
    return this.#read.schema
  }

  /** Rows of all partitions together, as the export counted them. */
  get rows(): number {
    return this.#read.rows
  }

  get length(): number {
    return this.#read.partitions.length
  }

  /** The prefix of all exported blobs, below their containers. */
  get directory(): string {
    return this.#read.directory
  }

  /** The export's, or with `partitionBy` one of each export. */
  get operationIds(): readonly string[] {
    return this.#read.operationIds
  }

  [Symbol.iterator](): Iterator<ReadPartition> {
    return this.#read.partitions[Symbol.iterator]()
  }

  /** Deletes the exported blobs. */
  async release(): Promise<void> {
    await this.#read.release(this.#read.context.settings.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}
