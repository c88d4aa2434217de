import type { BatchInput } from './arrow/batches.ts'
import { openDatabase } from './client/database-client.ts'
import type { DatabaseClient } from './client/database-client.ts'
import { connectSettings } from './connect-settings.ts'
import type { KustoConnectorOptions } from './connect-settings.ts'
import { Kql } from './kql/kql.ts'
import { tableNamed } from './kql/table-named.ts'
import { explainWrite } from './sink/explain-write.ts'
import type { WriteExplanation } from './sink/explain-write.ts'
import { openInput } from './sink/open-input.ts'
import { openSink } from './sink/open-sink.ts'
import type { OpenSink } from './sink/open-sink.ts'
import { parseReceipt } from './sink/receipt-json.ts'
import type { SinkContext } from './sink/sink-context.ts'
import { skipWrite } from './sink/skip-write.ts'
import { dropStagingTables, listStagingTables } from './sink/staging-sweep.ts'
import type {
  DroppedStagingTables,
  DropStagingTablesOptions,
  StagingTableInfo,
  StagingTablesOptions,
} from './sink/staging-sweep.ts'
import { WriteReceipt } from './sink/write-receipt.ts'
import { writeRows } from './sink/write-rows.ts'
import { writeSettings } from './sink/write-settings.ts'
import type { ExplainWriteOptions, WriteOptions } from './sink/write-settings.ts'
import { contextForWrite } from './sink/write-tally.ts'
import { dataframe } from './source/dataframe.ts'
import { KustoCommand } from './source/kusto-command.ts'
import type { CommandOptions } from './source/kusto-command.ts'
import { KustoRead } from './source/kusto-read.ts'
import { openPartition, releasePlan } from './source/open-plan.ts'
import type { PartitionOptions } from './source/open-plan.ts'
import { openSource } from './source/open-source.ts'
import type { OpenSource } from './source/open-source.ts'
import type { ReadPartition } from './source/partition.ts'
import type { ReadPlan } from './source/read-plan.ts'
import { readSettings } from './source/read-settings.ts'
import type { ReadOptions } from './source/read-settings.ts'
import { callId } from './source/request-id.ts'
import { batchingPolicy } from './streaming/batching-policy.ts'
import type { BatchingPolicyHandle } from './streaming/batching-policy.ts'
import { changeStreamingSchema } from './streaming/change-schema.ts'
import { explainStreaming } from './streaming/explain-streaming.ts'
import type { ExplainStreamingOptions } from './streaming/explain-streaming.ts'
import { ingestFile, ingestStream } from './streaming/ingest-bytes.ts'
import { parseIngestReceipt } from './streaming/ingest-receipt-json.ts'
import { IngestReceipt } from './streaming/ingest-receipt.ts'
import type { IngestOptions } from './streaming/ingest-settings.ts'
import type { FlushedRows, KustoWriter } from './streaming/kusto-writer.ts'
import { MicroBatchSink } from './streaming/micro-batch-sink.ts'
import type { MicroBatchOptions } from './streaming/micro-batch-sink.ts'
import { openWriter, writeStream } from './streaming/open-writer.ts'
import type { ResumableSource, WriteStreamOptions } from './streaming/open-writer.ts'
import { clearStreamingSchemaCache } from './streaming/schema-cache.ts'
import type { ClearedSchemaCache, ClearSchemaCacheOptions } from './streaming/schema-cache.ts'
import type { BytesInput } from './streaming/source-bytes.ts'
import { streamRows } from './streaming/stream-rows.ts'
import { openStreaming } from './streaming/streaming-context.ts'
import type { StreamingContext } from './streaming/streaming-context.ts'
import { streamingPolicy } from './streaming/streaming-policy.ts'
import type { StreamingPolicyHandle } from './streaming/streaming-policy.ts'
import type { StreamingWriteOptions } from './streaming/streaming-write-settings.ts'
import type { WriterOptions } from './streaming/writer-settings.ts'

/** Containers and queues are asked for again after an hour; their signatures live for hours. */
const RESOURCES = { maxAgeMs: 3_600_000, timeoutMs: 120_000 }

/** A connection to one database of a Kusto cluster. Nothing is sent before the first read, write or command. */
export class KustoConnector implements AsyncDisposable {
  readonly cluster: string
  readonly database: string
  readonly #client: DatabaseClient
  readonly #source: OpenSource
  readonly #sink: OpenSink
  readonly #streaming: StreamingContext

  /** @throws {KustoUsageError} for an unknown option, an address that is none, or a missing database */
  constructor(options: KustoConnectorOptions) {
    const { database, client, ingestion } = connectSettings(options)
    this.#client = openDatabase(database, client)
    this.cluster = this.#client.cluster
    this.database = database
    this.#source = openSource(this.#client, RESOURCES)
    this.#sink = openSink(this.#client, ingestion, RESOURCES)
    this.#streaming = openStreaming({ sink: this.#sink.context, rest: this.#client.rest })
  }

  /** A lazy dataframe over a table, by its name, or over a query, as a `kql` template. */
  read(source: Kql | string, options: ReadOptions = {}): KustoRead {
    const query = typeof source === 'string' ? tableNamed(source) : source
    return new KustoRead(this.#source.context, dataframe({ query, operators: [] }, readSettings(options)))
  }

  /** A query as it is: text that is sent unchanged, in one request. */
  query(query: Kql | string, options: Omit<ReadOptions, 'mode'> = {}): KustoRead {
    const text = typeof query === 'string' ? Kql.raw(query) : query
    const settings = readSettings({ ...options, mode: 'single' })
    return new KustoRead(this.#source.context, dataframe({ query: text, operators: [] }, settings))
  }

  /** A partition of a plan that was made here or elsewhere, read with this connector's own access; plain JSON or its text. */
  readPartition(plan: ReadPlan | string, index: number, options: PartitionOptions = {}): ReadPartition {
    return openPartition(this.#source.context, plan, { index, options })
  }

  /** Deletes the blobs of a plan, unless they were to be kept. */
  async release(
    plan: ReadPlan | string,
    options: Pick<PartitionOptions, 'storage' | 'signal' | 'onEvent'> = {},
  ): Promise<void> {
    await releasePlan(this.#source.context, plan, options)
  }

  /** A management command as it is; `await kusto.command('.show tables').table()`. */
  command(command: Kql | string, options: CommandOptions = {}): KustoCommand {
    return new KustoCommand(this.#client.http, this.database, command, options)
  }

  /**
   * Writes rows to a table; resolves when the service has taken all of them into its queue, and in the modes `transactional`
   * and `replace` when all of them are in the table.
   */
  write(table: string, data: BatchInput, options?: WriteOptions): Promise<WriteReceipt>
  /** What the write would do: the commands, the mapping, the format and the schema's differences. Nothing is changed. */
  write(
    table: string,
    data: BatchInput,
    options: ExplainWriteOptions | ExplainStreamingOptions,
  ): Promise<WriteExplanation>
  /** Streams rows into a table; resolves when all of them can be queried, or are in the queue where that did not work. */
  write(table: string, data: BatchInput, options: StreamingWriteOptions): Promise<IngestReceipt>
  /** Options whose mode is known only when the program runs, such as those of a Spark job. */
  write(
    table: string,
    data: BatchInput,
    options: WriteOptions | StreamingWriteOptions,
  ): Promise<WriteReceipt | IngestReceipt>
  async write(
    table: string,
    data: BatchInput,
    options: WriteOptions | ExplainWriteOptions | StreamingWriteOptions | ExplainStreamingOptions = {},
  ): Promise<WriteReceipt | WriteExplanation | IngestReceipt> {
    if (options.mode === 'streaming') {
      if ('explain' in options && options.explain) return explainStreaming(this.#streaming, { table, data }, options)
      return streamRows(this.#streaming, { table, data }, options)
    }
    const settings = writeSettings(options)
    const sink = contextForWrite(this.#sinkFor(settings.requestId), settings.onEvent)
    if (options.explain === true) return explainWrite(sink, { table, data }, settings)
    const receipt =
      (await skipWrite(sink, table, settings)) ??
      (await writeRows(sink, await openInput(sink, { table, data }, settings), settings))
    return new WriteReceipt(receipt, this.#sink.context.ingestion)
  }

  /** Opens a writer that keeps writing rows to a table, in batches, in the background. */
  writer(table: string, options: WriterOptions = {}): KustoWriter {
    return openWriter(this.#streamingFor(options), table, options)
  }

  /**
   * Writes a source of batches or rows to its end, in batches, no faster than memory allows. Resolves when all of it counts as
   * written; when the source or the writing fails, the source is ended and the rejection says why.
   */
  async writeStream<Item>(
    table: string,
    source: ResumableSource<Item>,
    options: WriteStreamOptions<Item> = {},
  ): Promise<FlushedRows> {
    return writeStream(this.#streamingFor(options), { table, source }, options)
  }

  /** A sink for numbered micro-batches, which writes none of them twice, across restarts. */
  microBatchSink(table: string, options: MicroBatchOptions): MicroBatchSink {
    return new MicroBatchSink(this.#streamingFor(options), table, options)
  }

  /** A receipt that was stored as JSON, to go on checking it in another process. */
  receipt(json: unknown): WriteReceipt {
    return new WriteReceipt(parseReceipt(json, this.database), this.#sink.context.ingestion)
  }

  /** Ingests a file as it is; its name tells the format where the options do not, its first bytes the compression. */
  async ingestFile(table: string, path: string | URL, options: IngestOptions = {}): Promise<IngestReceipt> {
    return ingestFile(this.#streaming, { table, path }, options)
  }

  /** Ingests the bytes of a stream as they are; the option `format` says what they are. */
  async ingestStream(table: string, input: BytesInput, options: IngestOptions = {}): Promise<IngestReceipt> {
    return ingestStream(this.#streaming, { table, input }, options)
  }

  /** A receipt of `ingestFile`, `ingestStream` or a streaming `write` that was stored as JSON. */
  ingestReceipt(json: unknown): IngestReceipt {
    return new IngestReceipt(parseIngestReceipt(json, this.database), this.#sink.context.ingestion)
  }

  /** The streaming ingestion policy of a table, or of the database. */
  streamingPolicy(table?: string): StreamingPolicyHandle {
    return streamingPolicy(this.#streaming, table)
  }

  /** The ingestion batching policy of a table, or of the database: when queued blobs are ingested. */
  batchingPolicy(table?: string): BatchingPolicyHandle {
    return batchingPolicy(this.#streaming, table)
  }

  /** Makes every node forget the schema that streaming goes by, of a table or of the whole database, and waits until all have. */
  async clearStreamingSchemaCache(table?: string, options: ClearSchemaCacheOptions = {}): Promise<ClearedSchemaCache> {
    return clearStreamingSchemaCache(this.#streaming, table, options)
  }

  /** Runs `change` while this connector's streaming to the table is paused, and has every node forget the old schema. */
  async changeStreamingSchema(
    table: string,
    change: () => Promise<unknown>,
    options: ClearSchemaCacheOptions = {},
  ): Promise<ClearedSchemaCache> {
    return changeStreamingSchema(this.#streaming, { table, change }, options)
  }

  /** Staging tables of transactional writes that are still there: those at work, and those of writes that were killed. */
  stagingTables(options: StagingTablesOptions = {}): Promise<readonly StagingTableInfo[]> {
    return listStagingTables(this.#sink.context, options)
  }

  /** Drops staging tables that are left over. */
  dropStagingTables(options: DropStagingTablesOptions = {}): Promise<DroppedStagingTables> {
    return dropStagingTables(this.#sink.context, options)
  }

  /** Forgets the exports that the option `cache` keeps, for one read or for all. */
  async invalidate(read?: KustoRead): Promise<void> {
    await (read === undefined ? this.#source.context.exportCache.invalidate() : read.invalidate())
  }

  /** Ends threads and connections, and deletes kept exports. Reads and writes that still run fail. */
  async close(): Promise<void> {
    await this.#source.settle()
    await Promise.all([this.#client.close(), this.#source.close(), this.#sink.close()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The sink whose management commands carry the caller's request id. */
  #sinkFor(requestId: string | undefined): SinkContext {
    const { context } = this.#sink
    if (requestId === undefined) return context
    const command: SinkContext['command'] = (csl, signal, call) => {
      const clientRequestId = callId(requestId, 'command', this.#client.nextCall())
      return this.#client.rows(csl, { ...call, clientRequestId, ...(signal === undefined ? {} : { signal }) })
    }
    return { ...context, command }
  }

  #streamingFor(options: object): StreamingContext {
    const requestId = 'requestId' in options && typeof options.requestId === 'string' ? options.requestId : undefined
    return { ...this.#streaming, sink: this.#sinkFor(requestId) }
  }
}
