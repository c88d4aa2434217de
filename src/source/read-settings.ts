import { availableParallelism } from 'node:os'
import type { Schema } from 'apache-arrow'
import { typeSettings } from '../arrow/scalar-types.ts'
import type { TypeOptions, TypeSettings } from '../arrow/scalar-types.ts'
import { badOption, checkNames, oneOf, wholeNumber } from '../base/check-options.ts'
import { MAX_SERVER_TIMEOUT_MS, MIN_SERVER_TIMEOUT_MS } from '../protocol/request-properties.ts'
import type { RequestOptions } from '../protocol/request-properties.ts'
import { declaredSchema } from './declared-schema.ts'
import type { DeclaredSchema } from './declared-schema.ts'
import { checkedPartitionBy } from './partition-by.ts'
import type { PartitionBy } from './partition-by.ts'
import { readCacheSettings } from './read-cache.ts'
import type { ReadCacheOptions, ReadCacheSettings } from './read-cache.ts'
import { ignoreEvent } from './read-events.ts'
import type { OnReadEvent } from './read-events.ts'
import { transientStorage } from './transient-storage.ts'
import type { TransientStorage, TransientStorageSettings } from './transient-storage.ts'

/** `single`: one query. `distributed`: an export to blobs. `auto`: single, and distributed when the service's limits say so. */
export type ReadMode = 'auto' | 'single' | 'distributed'

/** The codecs of exported Parquet that this package reads. */
export type ExportCompression = 'snappy' | 'gzip' | 'lz4_raw' | 'brotli' | 'zstd' | 'none'

export interface ReadOptions {
  /** Default `auto`. */
  readonly mode?: ReadMode
  /** Partitions of a distributed read. Default: as many as `workers`. */
  readonly partitions?: number
  /** Partitions by a column, each exported by a command of its own. Default: one export, shared out by size. */
  readonly partitionBy?: PartitionBy
  /** Exports of `partitionBy` that run at once. Default 4. */
  readonly exportConcurrency?: number
  /** Count the rows before the exports of `partitionBy` and compare. Default true; false for data that changes. */
  readonly verifyRows?: boolean
  /** Worker threads that decode blobs. Default: cores - 1, at least 1, at most 4. */
  readonly workers?: number
  /** Rows of a batch at most. Default 65,536. */
  readonly batchRows?: number
  /** Arrow types for Kusto types that have several. */
  readonly types?: TypeOptions
  /** Client request properties, such as `servertimeout` or `notruncation`; passed on by name. */
  readonly properties?: RequestOptions
  /** Arrow bytes an `auto` read holds back before it settles on `single`. Default 256 MiB. */
  readonly maxHeldBytes?: number
  /** Bytes of blobs and batches that a distributed read holds ahead of its reader. Default 256 MiB. */
  readonly maxBufferedBytes?: number
  /** Where exported blobs lie; several places of one kind share them. Default `{ kind: 'service' }`. */
  readonly storage?: TransientStorage | readonly TransientStorage[]
  /** Codec of exported Parquet. Default `snappy`. */
  readonly compression?: ExportCompression
  /** Bytes of an exported blob before compression; 100 MB to 4 GB on the service. Default: the service's, 100 MB. */
  readonly sizeLimit?: number
  /** Who writes the blobs. Default `per_shard`, as the service. */
  readonly distribution?: 'per_shard' | 'per_node' | 'single'
  /** How long to wait for an export. Default 3,600,000 (one hour). */
  readonly exportTimeoutMs?: number
  /** Leave the exported blobs where they are. Default false. */
  readonly keepBlobs?: boolean
  /** Whether verbs become part of the query. Without it they are applied to the batches, with the same result. Default true. */
  readonly pushDown?: boolean
  /** `count`: an `auto` read asks first whether there are more than `exportAboveRows` rows. Default `none`. */
  readonly estimate?: 'none' | 'count'
  /** How long that count may take; after that the read goes on as without it. Default 3,000. */
  readonly estimateTimeoutMs?: number
  /** Rows above which an estimate makes an `auto` read export at once. Default 500,000, the service's limit for a query. */
  readonly exportAboveRows?: number
  /** `on-limit`: an `auto` read exports when the service reports a limit. `never`: it fails, and rows flow at once. Default `on-limit`. */
  readonly fallback?: 'on-limit' | 'never'
  /** Prefix of the request ids of all calls, `<requestId>;<activity>;<n>`. Default: a fresh id for each call. */
  readonly requestId?: string
  /** Shown in the service's logs for the calls of this read. Default: the connector's. */
  readonly application?: string
  /** Deadline of the whole read; the service is told to stop too. Default: none, each call has the service's own. */
  readonly timeoutMs?: number
  /**
   * The columns, as `a:long, b:string` or an Arrow schema, instead of asking for them. Other columns are left out; a
   * column that is missing or has a type that does not fit is an error, and so is a value that does not.
   */
  readonly schema?: string | Schema
  /**
   * Keeps an export for reads of the same plan, for this long; not for `plan()`, whose blobs live until it is released.
   * Default: each read exports anew.
   */
  readonly cache?: ReadCacheOptions
  readonly signal?: AbortSignal
  readonly onEvent?: OnReadEvent
}

/** {@link ReadOptions} with every choice made. */
export interface ReadSettings {
  readonly mode: ReadMode
  readonly partitions: number
  readonly partitionBy: PartitionBy | undefined
  readonly exportConcurrency: number
  readonly verifyRows: boolean
  readonly workers: number
  readonly batchRows: number
  readonly types: TypeSettings
  readonly properties: RequestOptions
  readonly maxHeldBytes: number
  readonly maxBufferedBytes: number
  readonly storage: TransientStorageSettings
  readonly compression: ExportCompression
  readonly sizeLimit: number | undefined
  readonly distribution: 'per_shard' | 'per_node' | 'single' | undefined
  readonly exportTimeoutMs: number
  readonly keepBlobs: boolean
  readonly pushDown: boolean
  readonly estimate: 'none' | 'count'
  readonly estimateTimeoutMs: number
  readonly exportAboveRows: number
  readonly fallback: 'on-limit' | 'never'
  readonly requestId: string | undefined
  readonly timeoutMs: number | undefined
  readonly schema: DeclaredSchema | undefined
  readonly cache: ReadCacheSettings | undefined
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnReadEvent
}

const NAMES: readonly (keyof ReadOptions)[] = [
  'mode',
  'partitions',
  'partitionBy',
  'exportConcurrency',
  'verifyRows',
  'workers',
  'batchRows',
  'types',
  'properties',
  'maxHeldBytes',
  'maxBufferedBytes',
  'storage',
  'compression',
  'sizeLimit',
  'distribution',
  'exportTimeoutMs',
  'keepBlobs',
  'pushDown',
  'estimate',
  'estimateTimeoutMs',
  'exportAboveRows',
  'fallback',
  'requestId',
  'application',
  'timeoutMs',
  'schema',
  'cache',
  'signal',
  'onEvent',
]

const MODES: readonly ReadMode[] = ['auto', 'single', 'distributed']
const COMPRESSIONS: readonly ExportCompression[] = ['snappy', 'gzip', 'lz4_raw', 'brotli', 'zstd', 'none']
const DISTRIBUTIONS = ['per_shard', 'per_node', 'single'] as const

/**
 * Fills in defaults and checks every option once.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown key or a value out of range
 */
export function readSettings(options: ReadOptions = {}): ReadSettings {
  checkNames(options, NAMES)
  const types = typeSettings(options.types ?? {})
  const workers = wholeNumber('workers', options.workers ?? Math.min(4, Math.max(1, availableParallelism() - 1)), 64)
  return {
    mode: oneOf('mode', options.mode ?? 'auto', MODES),
    partitions: wholeNumber('partitions', options.partitions ?? workers, 10_000),
    partitionBy: options.partitionBy === undefined ? undefined : checkedPartitionBy(options.partitionBy, options),
    exportConcurrency: wholeNumber('exportConcurrency', options.exportConcurrency ?? 4, 100),
    verifyRows: options.verifyRows ?? true,
    workers,
    batchRows: wholeNumber('batchRows', options.batchRows ?? 65_536, 16_777_216),
    types,
    properties: requestOptions(options),
    maxHeldBytes: wholeNumber('maxHeldBytes', options.maxHeldBytes ?? 268_435_456, Number.MAX_SAFE_INTEGER),
    maxBufferedBytes: wholeNumber('maxBufferedBytes', options.maxBufferedBytes ?? 268_435_456, Number.MAX_SAFE_INTEGER),
    storage: transientStorage(options.storage),
    compression: oneOf('compression', options.compression ?? 'snappy', COMPRESSIONS),
    sizeLimit: options.sizeLimit === undefined ? undefined : wholeNumber('sizeLimit', options.sizeLimit, 4_294_967_296),
    distribution:
      options.distribution === undefined ? undefined : oneOf('distribution', options.distribution, DISTRIBUTIONS),
    exportTimeoutMs: wholeNumber('exportTimeoutMs', options.exportTimeoutMs ?? 3_600_000, 172_800_000),
    keepBlobs: options.keepBlobs ?? false,
    pushDown: options.pushDown ?? true,
    estimate: oneOf('estimate', options.estimate ?? 'none', ['none', 'count']),
    estimateTimeoutMs: wholeNumber('estimateTimeoutMs', options.estimateTimeoutMs ?? 3_000, 3_600_000),
    exportAboveRows: wholeNumber('exportAboveRows', options.exportAboveRows ?? 500_000, Number.MAX_SAFE_INTEGER),
    fallback: oneOf('fallback', options.fallback ?? 'on-limit', ['on-limit', 'never']),
    requestId: options.requestId === undefined ? undefined : printable('requestId', options.requestId),
    timeoutMs:
      options.timeoutMs === undefined ? undefined : wholeNumber('timeoutMs', options.timeoutMs, MAX_TIMEOUT_MS),
    schema: options.schema === undefined ? undefined : declaredSchema(options.schema, types),
    cache: options.cache === undefined ? undefined : readCacheSettings(options.cache),
    signal: options.signal,
    onEvent: options.onEvent ?? ignoreEvent,
  }
}

/** What a timer can wait for, almost 25 days. */
const MAX_TIMEOUT_MS = 2_147_483_647

/** The caller's request properties, with those that other options stand for; what is said by name wins. */
function requestOptions({ properties = {}, application, timeoutMs }: ReadOptions): RequestOptions {
  const serverMs =
    timeoutMs === undefined ? undefined : Math.min(MAX_SERVER_TIMEOUT_MS, Math.max(MIN_SERVER_TIMEOUT_MS, timeoutMs))
  return {
    ...(application === undefined ? {} : { request_app_name: printable('application', application) }),
    ...(serverMs === undefined || properties.norequesttimeout === true ? {} : { servertimeout: serverMs }),
    ...properties,
  }
}

function printable(name: string, text: string): string {
  if (/^[\u0020-\u007e]+$/.test(text)) return text
  throw badOption(`expected ${name} to be printable ASCII text, found ${JSON.stringify(text)}`)
}
