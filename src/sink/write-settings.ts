import { badOption, checkNames, oneOf, wholeNumber } from '../base/check-options.ts'
import type { AdjustSchema, CreateMode } from './plan-schema.ts'
import type { OnWriteEvent } from './write-events.ts'

export type WriteFormat = 'parquet' | 'csv'

export interface WriteOptions {
  /** How the rows reach the table. `queued` (default and, so far, the only one): blobs and the ingestion queue. */
  readonly mode?: 'queued'
  /** What happens when the table does not exist. Default `FailIfNotExist`. */
  readonly create?: CreateMode
  /** How source columns meet table columns. Default `ByName`. */
  readonly adjustSchema?: AdjustSchema
  /** Default: Parquet where every column survives it, else CSV; the `format` event says which and why. */
  readonly format?: WriteFormat
  /** Codec of Parquet blobs. Default `zstd`. */
  readonly compression?: 'zstd' | 'snappy' | 'gzip' | 'none'
  /** Uncompressed bytes of a blob, about: the last batch of a blob is not cut. Default 64 MiB: encoding needs it in memory. */
  readonly maxBlobBytes?: number
  /** Blobs being uploaded at once. Default 3. */
  readonly uploads?: number
  /** `drop-by:` tags of the extents, without the prefix. */
  readonly dropByTags?: readonly string[]
  /** `ingest-by:` tags of the extents, without the prefix. */
  readonly ingestByTags?: readonly string[]
  /** Further extent tags. */
  readonly additionalTags?: readonly string[]
  /** The service skips a blob when an extent of the table carries one of these `ingest-by:` values. */
  readonly ingestIfNotExists?: readonly string[]
  /** Creation time of the extents: retention and caching count from it. Default: when they are ingested. */
  readonly creationTime?: Date
  /** Ask the service not to wait for more data to batch with. Default false. */
  readonly flushImmediately?: boolean
  readonly signal?: AbortSignal
  readonly onEvent?: OnWriteEvent
}

/** {@link WriteOptions} with every choice made. */
export interface WriteSettings {
  readonly mode: 'queued'
  readonly create: CreateMode
  readonly adjustSchema: AdjustSchema
  readonly format: WriteFormat | undefined
  readonly compression: 'zstd' | 'snappy' | 'gzip' | 'none'
  readonly maxBlobBytes: number
  readonly uploads: number
  readonly tags: readonly string[]
  readonly ingestIfNotExists: readonly string[]
  readonly creationTime: Date | undefined
  readonly flushImmediately: boolean
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnWriteEvent
}

const CREATE_MODES: readonly CreateMode[] = ['FailIfNotExist', 'CreateIfNotExist']
const ADJUSTMENTS: readonly AdjustSchema[] = [
  'ByName',
  'NoAdjustment',
  'FailIfNotMatch',
  'GenerateDynamicCsvMapping',
  'AddColumns',
]
const FORMATS: readonly WriteFormat[] = ['parquet', 'csv']
const COMPRESSIONS: readonly WriteSettings['compression'][] = ['zstd', 'snappy', 'gzip', 'none']

const NAMES: readonly (keyof WriteOptions)[] = [
  'mode',
  'create',
  'adjustSchema',
  'format',
  'compression',
  'maxBlobBytes',
  'uploads',
  'dropByTags',
  'ingestByTags',
  'additionalTags',
  'ingestIfNotExists',
  'creationTime',
  'flushImmediately',
  'signal',
  'onEvent',
]

/**
 * Fills in defaults and checks every option once.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown key or a value out of range
 */
export function writeSettings(options: WriteOptions = {}): WriteSettings {
  checkNames(options, NAMES)
  const adjustSchema = oneOf('adjustSchema', options.adjustSchema ?? 'ByName', ADJUSTMENTS)
  const creationTime = options.creationTime
  if (creationTime !== undefined && Number.isNaN(creationTime.getTime())) {
    throw badOption('expected creationTime to be a date, found an invalid one')
  }
  return {
    mode: oneOf('mode', options.mode ?? 'queued', ['queued']),
    create: oneOf('create', options.create ?? 'FailIfNotExist', CREATE_MODES),
    adjustSchema,
    format: formatOf(options.format, adjustSchema),
    compression: oneOf('compression', options.compression ?? 'zstd', COMPRESSIONS),
    maxBlobBytes: wholeNumber('maxBlobBytes', options.maxBlobBytes ?? 67_108_864, 4_294_967_296),
    uploads: wholeNumber('uploads', options.uploads ?? 3, 64),
    tags: [
      ...(options.dropByTags ?? []).map((tag) => `drop-by:${tag}`),
      ...(options.ingestByTags ?? []).map((tag) => `ingest-by:${tag}`),
      ...(options.additionalTags ?? []),
    ],
    ingestIfNotExists: options.ingestIfNotExists ?? [],
    creationTime,
    flushImmediately: options.flushImmediately ?? false,
    signal: options.signal,
    onEvent: options.onEvent ?? (() => undefined),
  }
}

/** A CSV mapping is what `GenerateDynamicCsvMapping` asks for, so it settles the format. */
function formatOf(format: WriteFormat | undefined, adjustSchema: AdjustSchema): WriteFormat | undefined {
  if (format !== undefined) oneOf('format', format, FORMATS)
  if (adjustSchema !== 'GenerateDynamicCsvMapping') return format
  if (format === 'parquet') throw badOption("expected format 'csv' with GenerateDynamicCsvMapping, found 'parquet'")
  return 'csv'
}
