import { badOption, checkNames, oneOf, wholeNumber } from '../base/check-options.ts'
import { ingestionStorage } from './ingestion-storage.ts'
import type { IngestionStorage, IngestionStorageSettings } from './ingestion-storage.ts'
import type { AdjustSchema, CreateMode } from './plan-schema.ts'
import {
  adjustmentOf,
  CREATE_MODES,
  deduplicationOf,
  flag,
  formatOf,
  requestIdOf,
  workersOf,
} from './check-write-options.ts'
import type { IngestionMapping } from '../protocol/ingestion-mapping.ts'
import {
  checkedCreationTime,
  checkedMapping,
  checkedSourceLocation,
  checkedTags,
  checkedValidationPolicy,
} from './ingestion-options.ts'
import type { MappingChoice, ValidationPolicy } from './ingestion-options.ts'
import { transactionSettings } from './transaction-settings.ts'
import type { WriteMode } from './transaction-settings.ts'
import type { OnWriteEvent } from './write-events.ts'

export type WriteFormat = 'parquet' | 'csv'

export interface WriteOptions {
  /**
   * How the rows reach the table. `queued` (default): blobs and the ingestion queue. `transactional`: all at once when all
   * are loaded, or none. `replace`: the same, in the place of what the table holds.
   */
  readonly mode?: WriteMode
  /** Replace only the extents with this `drop-by:` tag, given without the prefix; the new ones get it. Mode `replace` only. */
  readonly replaceTag?: string
  /**
   * An empty table of the caller's to load into before the move, in place of a hidden one. It is never dropped. Mode
   * `transactional` with `FailIfNotExist` only.
   */
  readonly stagingTable?: string
  /** When the service deletes a staging table that nobody dropped. Default 604,800,000 (7 days). Not in mode `queued`. */
  readonly stagingTimeoutMs?: number
  /** How long to wait for the service to load and move what was queued. Default 3,600,000 (one hour). Not in mode `queued`. */
  readonly timeoutMs?: number
  /** What happens when the table does not exist. Default `FailIfNotExist`. */
  readonly create?: CreateMode
  /** How source columns meet table columns. Default `ByName`. */
  readonly adjustSchema?: AdjustSchema
  /** Default: Parquet where every column survives it, else CSV; the `format` event says which and why. */
  readonly format?: WriteFormat
  /** Codec of Parquet blobs. Default `zstd`. */
  readonly compression?: 'zstd' | 'snappy' | 'gzip' | 'none'
  /**
   * Bytes of a blob's rows before encoding, at most. Default 64 MiB; the most is 6 GiB, as the service takes no larger
   * blobs. A row that is larger than this or than 64 MiB is an error.
   */
  readonly maxBlobBytes?: number
  /** Blobs being uploaded at once. Default 3. */
  readonly uploads?: number
  /**
   * Threads that encode blobs of 4 MiB and more. Default: one less than the machine has cores, at least 1 and at most 4; of
   * a table or batch in memory none where that is one, which would be no faster. 0: everything is encoded on the calling
   * thread.
   */
  readonly encodeWorkers?: number
  /**
   * Bytes that this write may hold at once: rows of blobs that are filled or encoded, and encoded bytes until they are
   * uploaded. Default 256 MiB. A single blob may be larger, and is then alone.
   */
  readonly maxBufferedBytes?: number
  /** `drop-by:` tags of the extents, without the prefix. */
  readonly dropByTags?: readonly string[]
  /** `ingest-by:` tags of the extents, without the prefix. */
  readonly ingestByTags?: readonly string[]
  /** Further extent tags. */
  readonly additionalTags?: readonly string[]
  /**
   * Nothing is written when an extent of the table carries one of these `ingest-by:` values: asked before anything is
   * made, and again by the service for every blob.
   */
  readonly ingestIfNotExists?: readonly string[]
  /** Creation time of the extents, not in the future: retention and caching count from it. Default: when they are ingested. */
  readonly creationTime?: Date
  /** Ask the service not to wait for more data to batch with. Default false. */
  readonly flushImmediately?: boolean
  /** Where blobs are staged: the service's containers (default), or the caller's, which are used in turn. */
  readonly ingestionStorage?: IngestionStorage | readonly IngestionStorage[]
  /** The service deletes a blob once it is ingested. Default true in its own containers, false in the caller's storage. */
  readonly deleteIngestedBlobs?: boolean
  /** As `flushImmediately`, for all blobs but the last: those that ended because they were full. Default false. */
  readonly flushFullBlobs?: boolean
  /** How the data reach the table's columns, in place of `adjustSchema`: a list, or the JSON text of a mapping. */
  readonly ingestionMapping?: IngestionMapping
  /** The name of a mapping that the table or the database stores. */
  readonly ingestionMappingReference?: string
  /** CSV blobs begin with a record of column names, which the service is told to ignore. Default false. */
  readonly ignoreFirstRecord?: boolean
  /** What the service does with CSV records of unequal length. Default: its own. */
  readonly validationPolicy?: ValidationPolicy
  /**
   * Gives each blob an `ingest-by:` tag of its own and has the service skip one whose tag is there, so that a message
   * delivered twice loads once. `true`: a random name for this write; text: a name for the data, by which a repeated
   * write of the same data with the same options loads nothing twice. Default false.
   */
  readonly deduplicateBlobs?: boolean | string
  /**
   * A string column that gets the URL of the blob each row came in; `true` calls it as Spark's connector does,
   * `ingestion_source_location_url_blob_internal`. Default false.
   */
  readonly sourceLocationColumn?: boolean | string
  /** Rows from whose values the schema of plain objects is inferred. Default 10,000. */
  readonly inferRows?: number
  /** Begins the client request id of every management command of this write. */
  readonly requestId?: string
  /** `true` gives a `WriteExplanation` instead of writing. */
  readonly explain?: false
  readonly signal?: AbortSignal
  readonly onEvent?: OnWriteEvent
}

/** {@link WriteOptions} of a write that is only explained. */
export type ExplainWriteOptions = Omit<WriteOptions, 'explain'> & { readonly explain: true }

/** {@link WriteOptions} with every choice made. */
export interface WriteSettings {
  readonly mode: WriteMode
  readonly replaceTag: string | undefined
  readonly stagingTable: string | undefined
  readonly stagingTimeoutMs: number
  readonly timeoutMs: number
  readonly create: CreateMode
  readonly adjustSchema: AdjustSchema
  readonly format: WriteFormat | undefined
  readonly compression: 'zstd' | 'snappy' | 'gzip' | 'none'
  readonly maxBlobBytes: number
  readonly uploads: number
  readonly encodeWorkers: number
  /** `encodeWorkers` for what is in memory when the write begins. */
  readonly tableWorkers: number
  readonly maxBufferedBytes: number
  readonly tags: readonly string[]
  readonly ingestIfNotExists: readonly string[]
  readonly creationTime: Date | undefined
  readonly flushImmediately: boolean
  readonly ingestionStorage: IngestionStorageSettings
  readonly deleteIngestedBlobs: boolean
  readonly flushFullBlobs: boolean
  readonly mapping: MappingChoice | undefined
  readonly ignoreFirstRecord: boolean
  readonly validationPolicy: ValidationPolicy | undefined
  /** A name for this write's blobs, `true` for a random one. */
  readonly deduplicateBlobs: boolean | string
  readonly sourceLocationColumn: string | undefined
  readonly inferRows: number
  readonly requestId: string | undefined
  readonly signal: AbortSignal | undefined
  readonly onEvent: OnWriteEvent
}

const COMPRESSIONS: readonly WriteSettings['compression'][] = ['zstd', 'snappy', 'gzip', 'none']

const NAMES: readonly (keyof WriteOptions)[] = [
  'mode',
  'replaceTag',
  'stagingTable',
  'stagingTimeoutMs',
  'timeoutMs',
  'create',
  'adjustSchema',
  'format',
  'compression',
  'maxBlobBytes',
  'uploads',
  'encodeWorkers',
  'maxBufferedBytes',
  'dropByTags',
  'ingestByTags',
  'additionalTags',
  'ingestIfNotExists',
  'creationTime',
  'flushImmediately',
  'ingestionStorage',
  'deleteIngestedBlobs',
  'flushFullBlobs',
  'ingestionMapping',
  'ingestionMappingReference',
  'ignoreFirstRecord',
  'validationPolicy',
  'deduplicateBlobs',
  'sourceLocationColumn',
  'inferRows',
  'requestId',
  'explain',
  'signal',
  'onEvent',
]

/** The service's own limit of a blob before compression. */
const MAX_BLOB_BYTES = 6 * 2 ** 30

/**
 * Fills in defaults and checks every option once.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown key or a value out of range
 */
export function writeSettings(options: WriteOptions | ExplainWriteOptions = {}): WriteSettings {
  checkNames(options, NAMES)
  flag('explain', options.explain)
  const mapping = checkedMapping(options.ingestionMapping, options.ingestionMappingReference)
  const adjustSchema = adjustmentOf(options.adjustSchema, mapping)
  const sourceLocationColumn = checkedSourceLocation(options.sourceLocationColumn)
  if (mapping !== undefined && sourceLocationColumn !== undefined) {
    throw badOption(
      'expected sourceLocationColumn without a mapping: put {"Transform":"SourceLocation"} into the mapping',
    )
  }
  const validationPolicy =
    options.validationPolicy === undefined ? undefined : checkedValidationPolicy(options.validationPolicy)
  const storage = ingestionStorage(options.ingestionStorage)
  const ignoreFirstRecord = flag('ignoreFirstRecord', options.ignoreFirstRecord)
  return Object.freeze({
    ...transactionSettings(options),
    create: oneOf('create', options.create ?? 'FailIfNotExist', CREATE_MODES),
    adjustSchema,
    format: formatOf(options.format, [
      [adjustSchema === 'GenerateDynamicCsvMapping', 'GenerateDynamicCsvMapping'],
      [ignoreFirstRecord, 'ignoreFirstRecord'],
      [validationPolicy !== undefined, 'validationPolicy'],
    ]),
    compression: oneOf('compression', options.compression ?? 'zstd', COMPRESSIONS),
    maxBlobBytes: wholeNumber('maxBlobBytes', options.maxBlobBytes ?? 67_108_864, MAX_BLOB_BYTES),
    uploads: wholeNumber('uploads', options.uploads ?? 3, 64),
    ...workersOf(options.encodeWorkers),
    maxBufferedBytes: wholeNumber('maxBufferedBytes', options.maxBufferedBytes ?? 268_435_456, Number.MAX_SAFE_INTEGER),
    tags: Object.freeze([
      ...checkedTags('dropByTags', options.dropByTags, 'drop-by:').map((tag) => `drop-by:${tag}`),
      ...checkedTags('ingestByTags', options.ingestByTags, 'ingest-by:').map((tag) => `ingest-by:${tag}`),
      ...checkedTags('additionalTags', options.additionalTags),
    ]),
    ingestIfNotExists: checkedTags('ingestIfNotExists', options.ingestIfNotExists, 'ingest-by:'),
    creationTime: checkedCreationTime(options.creationTime),
    flushImmediately: flag('flushImmediately', options.flushImmediately),
    ingestionStorage: storage,
    deleteIngestedBlobs: flag('deleteIngestedBlobs', options.deleteIngestedBlobs ?? storage.kind === 'service'),
    flushFullBlobs: flag('flushFullBlobs', options.flushFullBlobs),
    mapping,
    ignoreFirstRecord,
    validationPolicy,
    deduplicateBlobs: deduplicationOf(options.deduplicateBlobs),
    sourceLocationColumn,
    inferRows: wholeNumber('inferRows', options.inferRows ?? 10_000, 10_000_000),
    requestId: requestIdOf(options.requestId),
    signal: options.signal,
    onEvent: options.onEvent ?? (() => undefined),
  })
}
