import { availableParallelism } from 'node:os'
import { typeSettings } from '../arrow/scalar-types.ts'
import type { TypeOptions, TypeSettings } from '../arrow/scalar-types.ts'
import { checkNames, oneOf, wholeNumber } from '../base/check-options.ts'
import type { RequestOptions } from '../protocol/request-properties.ts'
import type { OnReadEvent } from './read-events.ts'

/** `single`: one query. `distributed`: an export to blobs. `auto`: single, and distributed when the service's limits say so. */
export type ReadMode = 'auto' | 'single' | 'distributed'

/** The codecs of exported Parquet that this package reads. */
export type ExportCompression = 'snappy' | 'gzip' | 'lz4_raw' | 'brotli' | 'zstd'

export interface ReadOptions {
  /** Default `auto`. */
  readonly mode?: ReadMode
  /** Partitions of a distributed read. Default: as many as `workers`. */
  readonly partitions?: number
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
  readonly signal?: AbortSignal
  readonly onEvent?: OnReadEvent
}

/** {@link ReadOptions} with every choice made. */
export interface ReadSettings {
  readonly mode: ReadMode
  readonly partitions: number
  readonly workers: number
  readonly batchRows: number
  readonly types: TypeSettings
  readonly properties: RequestOptions
  readonly maxHeldBytes: number
  readonly compression: ExportCompression
  readonly sizeLimit: number | undefined
  readonly distribution: 'per_shard' | 'per_node' | 'single' | undefined
  readonly exportTimeoutMs: number
  readonly keepBlobs: boolean
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnReadEvent
}

const NAMES: readonly (keyof ReadSettings)[] = [
  'mode',
  'partitions',
  'workers',
  'batchRows',
  'types',
  'properties',
  'maxHeldBytes',
  'compression',
  'sizeLimit',
  'distribution',
  'exportTimeoutMs',
  'keepBlobs',
  'signal',
  'onEvent',
]

const MODES: readonly ReadMode[] = ['auto', 'single', 'distributed']
const COMPRESSIONS: readonly ExportCompression[] = ['snappy', 'gzip', 'lz4_raw', 'brotli', 'zstd']
const DISTRIBUTIONS = ['per_shard', 'per_node', 'single'] as const

/**
 * Fills in defaults and checks every option once.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown key or a value out of range
 */
export function readSettings(options: ReadOptions = {}): ReadSettings {
  checkNames(options, NAMES)
  const workers = wholeNumber('workers', options.workers ?? Math.min(4, Math.max(1, availableParallelism() - 1)), 64)
  return {
    mode: oneOf('mode', options.mode ?? 'auto', MODES),
    partitions: wholeNumber('partitions', options.partitions ?? workers, 10_000),
    workers,
    batchRows: wholeNumber('batchRows', options.batchRows ?? 65_536, 16_777_216),
    types: typeSettings(options.types ?? {}),
    properties: options.properties ?? {},
    maxHeldBytes: wholeNumber('maxHeldBytes', options.maxHeldBytes ?? 268_435_456, Number.MAX_SAFE_INTEGER),
    compression: oneOf('compression', options.compression ?? 'snappy', COMPRESSIONS),
    sizeLimit: options.sizeLimit === undefined ? undefined : wholeNumber('sizeLimit', options.sizeLimit, 4_294_967_296),
    distribution:
      options.distribution === undefined ? undefined : oneOf('distribution', options.distribution, DISTRIBUTIONS),
    exportTimeoutMs: wholeNumber('exportTimeoutMs', options.exportTimeoutMs ?? 3_600_000, 172_800_000),
    keepBlobs: options.keepBlobs ?? false,
    signal: options.signal,
    onEvent: options.onEvent ?? (() => undefined),
  }
}
