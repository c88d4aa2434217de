import { type RecordBatch, type Schema, Table } from 'apache-arrow'
import { arrowSchema } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import type { Filter } from '../kql/filter.ts'
import { Kql, join, kql, name } from '../kql/kql.ts'
import { openAuto } from './read-auto.ts'
import type { OpenedRead } from './read-auto.ts'
import { openDistributed } from './read-distributed.ts'
import type { DistributedRead } from './read-distributed.ts'
import { fetchColumns } from './read-schema.ts'
import { openSingle } from './read-single.ts'
import type { ReadSettings } from './read-settings.ts'
import type { ReadPartition } from './partition.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'

/**
 * A lazy dataframe over a query. Nothing is sent until it is awaited or iterated; each await or loop runs it once.
 * Verbs give a new read and are pushed down as KQL.
 */
export class KustoRead implements AsyncIterable<RecordBatch> {
  readonly #context: SourceContext
  readonly #source: SourceQuery
  readonly #settings: ReadSettings

  constructor(context: SourceContext, source: SourceQuery, settings: ReadSettings) {
    this.#context = context
    this.#source = source
    this.#settings = settings
  }

  /** Rows for which the filter holds; a null is not true. */
  where(filter: Filter): KustoRead {
    return this.#with(kql`where ${filter.kql}`)
  }

  /**
   * These columns, in this order.
   * @throws {KustoUsageError} KUSTO_BAD_COLUMNS for no column or one named twice
   */
  select(...columns: readonly string[]): KustoRead {
    const twice = columns.find((column, index) => columns.indexOf(column) !== index)
    if (columns.length === 0 || twice !== undefined) {
      const found = twice === undefined ? 'none' : `${twice} twice`
      throw new KustoUsageError('KUSTO_BAD_COLUMNS', `expected different column names to select, found ${found}`)
    }
    return this.#with(
      kql`project ${join(
        columns.map((column) => name(column)),
        ', ',
      )}`,
    )
  }

  /** At most this many rows; which ones is up to the service unless the query sorts. */
  limit(rows: number): KustoRead {
    if (!Number.isSafeInteger(rows) || rows < 0) {
      throw new KustoUsageError('KUSTO_BAD_OPTION', `expected a whole number of rows, found ${String(rows)}`)
    }
    return this.#with(kql`take ${Kql.raw(String(rows))}`)
  }

  /** All rows as one table; with a schema even when there are none. */
  async table(): Promise<Table> {
    await using opened = await this.#open()
    const batches: RecordBatch[] = []
    for await (const batch of opened.batches) batches.push(batch)
    return new Table(opened.schema, batches)
  }

  /** The batches as they come; leaving the loop stops the work and removes what it made. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch, void, undefined> {
    await using opened = await this.#open()
    yield* opened.batches
  }

  /** The Arrow schema of the rows, by `getschema`: nothing is run. */
  async schema(): Promise<Schema> {
    return arrowSchema(await fetchColumns(this.#context, this.#source, this.#settings), this.#settings.types)
  }

  /** The number of rows, counted by the service. */
  async count(): Promise<number> {
    const count = { query: this.#source.query, operators: [...this.#source.operators, kql`count`] }
    const { batches } = await openSingle(this.#context, count, { ...this.#settings, onEvent: () => undefined })
    for await (const batch of batches) {
      const value: unknown = batch.getChildAt(0)?.get(0)
      if (typeof value === 'bigint') return Number(value)
    }
    return 0
  }

  /**
   * The read as partitions that can be iterated one by one or side by side, each of them again if need be. Exports the
   * rows first, whatever the mode. The exported blobs live until `release()`.
   */
  async partitions(): Promise<ReadPartitions> {
    const read = await openDistributed(this.#context, this.#source, this.#settings)
    return new ReadPartitions(read)
  }

  async #open(): Promise<OpenedRead> {
    const { mode, onEvent } = this.#settings
    switch (mode) {
      case 'auto':
        return openAuto(this.#context, this.#source, this.#settings)
      case 'single': {
        onEvent({ kind: 'mode', mode, reason: 'as asked' })
        const stream = await openSingle(this.#context, this.#source, this.#settings)
        return { ...stream, [Symbol.asyncDispose]: () => Promise.resolve() }
      }
      case 'distributed': {
        onEvent({ kind: 'mode', mode, reason: 'as asked' })
        const read = await openDistributed(this.#context, this.#source, this.#settings)
        return { schema: read.schema, batches: read.batches(), [Symbol.asyncDispose]: () => read.release() }
      }
    }
  }

  #with(operator: Kql): KustoRead {
    const source = { query: this.#source.query, operators: [...this.#source.operators, operator] }
    return new KustoRead(this.#context, source, this.#settings)
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

  [Symbol.iterator](): Iterator<ReadPartition> {
    return this.#read.partitions[Symbol.iterator]()
  }

  /** Deletes the exported blobs. */
  async release(): Promise<void> {
    await this.#read.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}
