import type { BatchInput } from './arrow/batches.ts'
import { authFrom } from './auth/connect-auth.ts'
import type { Credential } from './auth/connect-auth.ts'
import { Cached } from './base/cached.ts'
import { checkNames, oneOf } from './base/check-options.ts'
import type { CommandRow } from './client/command-table.ts'
import type { CallOptions } from './client/kusto-http.ts'
import { log } from './client/log.ts'
import { openClient } from './client/open-client.ts'
import type { KustoClient, KustoClientOptions } from './client/open-client.ts'
import { KustoUsageError } from './errors.ts'
import { showExportContainers } from './kql/commands/export-commands.ts'
import { Kql, name } from './kql/kql.ts'
import { parseClusterUrl } from './protocol/cluster-url.ts'
import { parseConnectionString } from './protocol/connection-string.ts'
import type { TrustOptions } from './protocol/trusted-hosts.ts'
import type { IngestionVia } from './sink/discover-ingestion.ts'
import { explainWrite } from './sink/explain-write.ts'
import type { WriteExplanation } from './sink/explain-write.ts'
import { EncodePool } from './sink/encode-pool.ts'
import { IngestionAccess } from './sink/ingestion-access.ts'
import { AccountRanks } from './sink/rank-accounts.ts'
import { openStaging } from './sink/staging-area.ts'
import { contextForWrite, newTally, retryTeller } from './sink/write-tally.ts'
import { UserDelegation } from './storage/user-delegation.ts'
import { openInput } from './sink/open-input.ts'
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
import { writeRows } from './sink/write-rows.ts'
import { WriteReceipt } from './sink/write-receipt.ts'
import { writeSettings } from './sink/write-settings.ts'
import type { ExplainWriteOptions, WriteOptions } from './sink/write-settings.ts'
import { DecodePool } from './source/decode-pool.ts'
import { KustoCommand } from './source/kusto-command.ts'
import type { CommandOptions } from './source/kusto-command.ts'
import { dataframe } from './source/dataframe.ts'
import { KustoRead } from './source/kusto-read.ts'
import { ReadCache } from './source/read-cache.ts'
import type { DistributedRead } from './source/read-distributed.ts'
import { callId, commandActivity, timedRequest } from './source/request-id.ts'
import { openExportStorage } from './source/export-storage.ts'
import { Sweeps } from './source/export-storage-sweep.ts'
import { openPartition, releasePlan } from './source/open-plan.ts'
import type { PartitionOptions } from './source/open-plan.ts'
import type { ReadPartition } from './source/partition.ts'
import type { ReadPlan } from './source/read-plan.ts'
import { readSettings } from './source/read-settings.ts'
import type { ReadOptions } from './source/read-settings.ts'
import type { CallSettings, SourceContext } from './source/source-context.ts'
import { parseContainerUrl } from './storage/storage-location.ts'
import { batchingPolicy } from './streaming/batching-policy.ts'
import type { BatchingPolicyHandle } from './streaming/batching-policy.ts'
import { changeStreamingSchema } from './streaming/change-schema.ts'
import { ingestFile, ingestStream } from './streaming/ingest-bytes.ts'
import { IngestReceipt } from './streaming/ingest-receipt.ts'
import { parseIngestReceipt } from './streaming/ingest-receipt-json.ts'
import type { IngestOptions } from './streaming/ingest-settings.ts'
import { clearStreamingSchemaCache } from './streaming/schema-cache.ts'
import type { ClearedSchemaCache, ClearSchemaCacheOptions } from './streaming/schema-cache.ts'
import type { BytesInput } from './streaming/source-bytes.ts'
import type { FlushedRows, KustoWriter } from './streaming/kusto-writer.ts'
import { MicroBatchSink } from './streaming/micro-batch-sink.ts'
import type { MicroBatchOptions } from './streaming/micro-batch-sink.ts'
import { openWriter, writeStream } from './streaming/open-writer.ts'
import type { ResumableSource, WriteStreamOptions } from './streaming/open-writer.ts'
import { explainStreaming } from './streaming/explain-streaming.ts'
import type { ExplainStreamingOptions } from './streaming/explain-streaming.ts'
import { streamRows } from './streaming/stream-rows.ts'
import { openStreaming } from './streaming/streaming-context.ts'
import type { StreamingContext } from './streaming/streaming-context.ts'
import { streamingPolicy } from './streaming/streaming-policy.ts'
import type { StreamingPolicyHandle } from './streaming/streaming-policy.ts'
import type { StreamingWriteOptions } from './streaming/streaming-write-settings.ts'
import type { WriterOptions } from './streaming/writer-settings.ts'
import type { StorageLocation } from './storage/storage-location.ts'

export interface KustoConnectorOptions {
  /** The cluster's address, `https://help.kusto.windows.net`; a path of one segment is the database. */
  readonly cluster?: string
  readonly database?: string
  /** A Kusto connection string, instead of `cluster`, `database` and `credential`, which win over its parts. */
  readonly connectionString?: string
  /** Default: what the connection string says, else the default Azure credential; nothing at all for a loopback address. */
  readonly credential?: Credential
  /** The ingestion endpoint, where it does not follow from the cluster's address. */
  readonly ingestionCluster?: string
  /** Further hosts that may see a token: full names, or suffixes that start with a dot. */
  readonly trustedHosts?: readonly string[]
  /** Send the credential to a loopback address too, over http if need be. Default false. */
  readonly allowTokenToLoopback?: boolean
  /** Shown in the service's logs. Default `kusto-arrow`. */
  readonly application?: string
  /** Compression asked for in answers. Default `gzip`; `identity` is faster on fast networks. */
  readonly compression?: 'gzip' | 'identity'
  /** The way into the ingestion queue. Default `auto`: REST, or the storage queue where there is no REST. */
  readonly ingestion?: IngestionVia
}

const NAMES: readonly (keyof KustoConnectorOptions)[] = [
  'cluster',
  'database',
  'connectionString',
  'credential',
  'ingestionCluster',
  'trustedHosts',
  'allowTokenToLoopback',
  'application',
  'compression',
  'ingestion',
]

/** Containers and queues are asked for again after an hour; their signatures live for hours. */
const RESOURCES = { maxAgeMs: 3_600_000, timeoutMs: 120_000 }

/** A connection to one database of a Kusto cluster. Nothing is sent before the first read, write or command. */
export class KustoConnector implements AsyncDisposable {
  readonly cluster: string
  readonly database: string
  readonly #client: KustoClient
  readonly #pools = new Map<number, DecodePool>()
  readonly #ownPools = new Set<DecodePool>()
  readonly #encodePools = new Map<number, EncodePool>()
  readonly #source: SourceContext
  readonly #sink: SinkContext
  readonly #streaming: StreamingContext
  readonly #trust: TrustOptions
  readonly #sweeps = new Sweeps()
  readonly #delegation = new UserDelegation()
  readonly #exportCache = new ReadCache<DistributedRead>((error) => {
    log.warning(`a kept export was not deleted: ${String(error)}`)
  })
  #calls = 0

  /** @throws {KustoUsageError} for an unknown option, an address that is none, or a missing database */
  constructor(options: KustoConnectorOptions) {
    const { database, client } = connectSettings(options)
    this.#client = openClient(client)
    this.#trust = client.trust ?? {}
    this.cluster = this.#client.rest.origin('engine')
    this.database = database
    this.#source = this.#sourceContext()
    this.#sink = this.#sinkContext(options.ingestion ?? 'auto')
    this.#streaming = openStreaming({ sink: this.#sink, rest: this.#client.rest })
  }

  /** A lazy dataframe over a table, by its name, or over a query, as a `kql` template. */
  read(source: Kql | string, options: ReadOptions = {}): KustoRead {
    const query = typeof source === 'string' ? tableNamed(source) : source
    return new KustoRead(this.#source, dataframe({ query, operators: [] }, readSettings(options)))
  }

  /** A query as it is: text that is sent unchanged, in one request. */
  query(query: Kql | string, options: Omit<ReadOptions, 'mode'> = {}): KustoRead {
    const text = typeof query === 'string' ? Kql.raw(query) : query
    const settings = readSettings({ ...options, mode: 'single' })
    return new KustoRead(this.#source, dataframe({ query: text, operators: [] }, settings))
  }

  /** A partition of a plan that was made here or elsewhere, read with this connector's own access; plain JSON or its text. */
  readPartition(plan: ReadPlan | string, index: number, options: PartitionOptions = {}): ReadPartition {
    return openPartition(this.#source, plan, { index, options })
  }

  /** Deletes the blobs of a plan, unless they were to be kept. */
  async release(
    plan: ReadPlan | string,
    options: Pick<PartitionOptions, 'storage' | 'signal' | 'onEvent'> = {},
  ): Promise<void> {
    await releasePlan(this.#source, plan, options)
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
    return new WriteReceipt(receipt, this.#sink.ingestion)
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
    return new WriteReceipt(parseReceipt(json, this.database), this.#sink.ingestion)
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
    return new IngestReceipt(parseIngestReceipt(json, this.database), this.#sink.ingestion)
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
    return listStagingTables(this.#sink, options)
  }

  /** Drops staging tables that are left over. */
  dropStagingTables(options: DropStagingTablesOptions = {}): Promise<DroppedStagingTables> {
    return dropStagingTables(this.#sink, options)
  }

  /** Forgets the exports that the option `cache` keeps, for one read or for all. */
  async invalidate(read?: KustoRead): Promise<void> {
    await (read === undefined ? this.#exportCache.invalidate() : read.invalidate())
  }

  /** Ends threads and connections, and deletes kept exports. Reads and writes that still run fail. */
  async close(): Promise<void> {
    await Promise.all([this.#exportCache.close(), this.#sweeps.close()])
    const pools = [...this.#pools.values(), ...this.#ownPools, ...this.#encodePools.values()]
    await Promise.all([this.#client.close(), ...pools.map((pool) => pool.close())])
    this.#pools.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #rows(csl: Kql, options: Omit<CallOptions, 'database'>): Promise<readonly CommandRow[]> {
    return (await this.#client.http.commandRows(csl, { database: this.database, ...options })).rows
  }

  #callOptions(
    { properties, signal, requestId }: CallSettings,
    activity: Parameters<typeof callId>[1],
  ): Pick<CallOptions, 'properties' | 'signal' | 'clientRequestId'> {
    return {
      properties,
      ...(signal === undefined ? {} : { signal }),
      ...(requestId === undefined ? {} : { clientRequestId: callId(requestId, activity, ++this.#calls) }),
    }
  }

  /** The sink whose management commands carry the caller's request id. */
  #sinkFor(requestId: string | undefined): SinkContext {
    if (requestId === undefined) return this.#sink
    const command: SinkContext['command'] = (csl, signal, call) => {
      const clientRequestId = callId(requestId, 'command', ++this.#calls)
      return this.#rows(csl, {
        ...call,
        clientRequestId,
        ...(signal === undefined ? {} : { signal }),
      })
    }
    return { ...this.#sink, command }
  }

  #streamingFor(options: object): StreamingContext {
    const requestId = 'requestId' in options && typeof options.requestId === 'string' ? options.requestId : undefined
    return { ...this.#streaming, sink: this.#sinkFor(requestId) }
  }

  #sourceContext(): SourceContext {
    const containers = new Cached<readonly StorageLocation[]>(async (signal) => {
      const rows = await this.#rows(showExportContainers(), { endpoint: 'ingestion', signal })
      return rows.map((row) => parseContainerUrl(row.text('StorageRoot')))
    }, RESOURCES)
    const credential = this.#client.tokens.azureCredential(this.cluster)
    return {
      cluster: this.cluster,
      database: this.database,
      query: async ({ csl, parameters }, settings, activity = 'query') => {
        const call = { database: this.database, parameters, ...this.#callOptions(settings, activity) }
        return (await timedRequest(settings, activity, () => this.#client.http.query(csl, call))).body
      },
      command: (csl, settings) => {
        const activity = commandActivity(csl.text)
        return timedRequest(settings, activity, () => this.#rows(csl, this.#callOptions(settings, activity)))
      },
      exportCache: this.#exportCache,
      sweeps: this.#sweeps,
      exportStorage: (storage) => openExportStorage(storage, { service: containers, credential, trust: this.#trust }),
      decodePool: (workers) => {
        const pool = this.#pools.get(workers) ?? new DecodePool(workers)
        this.#pools.set(workers, pool)
        return pool
      },
      ownPool: (workers) => {
        const pool = new DecodePool(workers)
        this.#ownPools.add(pool)
        void pool.closed.then(() => this.#ownPools.delete(pool))
        return pool
      },
      log,
    }
  }

  #sinkContext(via: IngestionVia): SinkContext {
    const ranks = new AccountRanks()
    const tally = newTally()
    const discovery = {
      database: this.database,
      rest: this.#client.rest,
      ranks,
      ingestionCommand: (csl: Kql, signal: AbortSignal) => this.#rows(csl, { endpoint: 'ingestion', signal }),
    }
    const ingestion = new IngestionAccess(discovery, via, {
      ...RESOURCES,
      onStale: (error) => log.warning(`containers could not be renewed, the old ones serve: ${String(error)}`),
    })
    const credential = this.#client.tokens.azureCredential(this.cluster)
    return {
      cluster: this.cluster,
      database: this.database,
      command: (csl, signal, call) => this.#rows(csl, { ...call, ...(signal === undefined ? {} : { signal }) }),
      ingestion,
      ranks,
      staging: (choice, way) =>
        openStaging(choice, way, { ingestion, credential, delegation: this.#delegation, trust: this.#trust }),
      tally,
      tellRetry: retryTeller(tally, () => undefined),
      encodePool: (workers) => {
        if (workers === 0) return undefined
        const pool = this.#encodePools.get(workers) ?? new EncodePool(workers)
        this.#encodePools.set(workers, pool)
        return pool
      },
      log,
    }
  }
}

/** Names hold letters, digits, `_`, blanks, dots and dashes; anything else is a query that was meant to be a template. */
function tableNamed(text: string): Kql {
  if (/^[\p{L}\p{N}_ .-]+$/u.test(text)) return name(text)
  throw new KustoUsageError(
    'KUSTO_NOT_A_TABLE',
    'expected the name of a table, found a query: write it as kql`...`, or send the text as it is with query()',
  )
}

/** Options and connection string together; what is said in the options wins. */
function connectSettings(options: KustoConnectorOptions): { database: string; client: KustoClientOptions } {
  checkNames(options, NAMES)
  const text = options.connectionString === undefined ? undefined : parseConnectionString(options.connectionString)
  const address = options.cluster ?? text?.cluster
  if (address === undefined) {
    throw new KustoUsageError('KUSTO_NO_CLUSTER', 'expected a cluster or a connection string, found neither')
  }
  const { origin, database: fromPath } = parseClusterUrl(address)
  const database = options.database ?? fromPath ?? text?.database
  if (database === undefined || database === '') {
    throw new KustoUsageError('KUSTO_NO_DATABASE', `expected a database for ${origin}, found none`)
  }
  const application = options.application ?? text?.application
  return {
    database,
    client: {
      cluster: origin,
      ...(options.ingestionCluster === undefined ? {} : { ingestionCluster: options.ingestionCluster }),
      auth: authFrom(options.credential, text?.auth ?? { kind: 'default' }),
      trust: {
        trustedHosts: options.trustedHosts ?? [],
        allowTokenToLoopback: options.allowTokenToLoopback ?? false,
      },
      caller: {
        ...(application === undefined ? {} : { application }),
        ...(text?.user === undefined ? {} : { user: text.user }),
      },
      compression: oneOf('compression', options.compression ?? 'gzip', ['gzip', 'identity']),
    },
  }
}
