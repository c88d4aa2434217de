import { badOption } from '../base/check-options.ts'
import { SPARK_COMMON_OPTIONS, SPARK_SINK_OPTIONS, SPARK_SOURCE_OPTIONS } from '../protocol/spark-names.ts'
import {
  badSpark,
  givenSparkOptions,
  requiredSparkOption,
  sparkChoice,
  sparkConnector,
  sparkFlag,
  sparkSeconds,
} from '../protocol/spark-options.ts'
import type { GivenSparkOptions, SparkConnectorOptions, SparkOptions } from '../protocol/spark-options.ts'
import type { AdjustSchema } from './plan-schema.ts'
import { SOURCE_LOCATION_COLUMN } from './ingestion-options.ts'
import { sparkNotes } from './spark-write-notes.ts'
import { sparkIngestionProperties } from './spark-write-properties.ts'
import { sparkIngestionStorage } from './spark-write-storage.ts'
import type { WriteOptions } from './write-settings.ts'

/** Options of a write by streaming ingestion, as Spark's `KustoStreaming` has them. */
export interface SparkStreamingWrite extends Pick<
  WriteOptions,
  'create' | 'adjustSchema' | 'ingestionMappingReference' | 'flushImmediately'
> {
  readonly mode: 'streaming'
  /** Bytes of rows in one request. */
  readonly maxRequestBytes?: number
}

/** What the options of a Spark job that writes Kusto come to. */
export interface SparkWrite {
  /** For `new KustoConnector(...)`. */
  readonly connector: SparkConnectorOptions
  /** For `kusto.write(table, data, write)`. */
  readonly table: string
  readonly write: WriteOptions | SparkStreamingWrite
  /** For `receipt.completed(completed)`. */
  readonly completed: { readonly timeoutMs: number }
  /** One sentence for each given option that has no effect here, or another than in Spark. */
  readonly notes: readonly string[]
}

const NAMES = {
  side: 'sink',
  known: [...SPARK_COMMON_OPTIONS, ...SPARK_SINK_OPTIONS],
  others: SPARK_SOURCE_OPTIONS.filter((name) => !SPARK_COMMON_OPTIONS.includes(name)),
} as const

const MODES = ['Transactional', 'Queued', 'KustoStreaming'] as const
const ADJUSTMENTS = ['NoAdjustment', 'FailIfNotMatch', 'GenerateDynamicCsvMapping'] as const
const MIB = 1024 * 1024
/** Spark's own defaults. */
const TIMEOUT_MS = 172_800_000
const STAGING_MS = 604_800_000

/**
 * Turns the options of an existing Spark job that writes Kusto into ours, with Spark's defaults: transactional, and columns
 * by their position. Names in any case.
 * @throws {KustoUsageError} KUSTO_BAD_SPARK_OPTION for a name that is not known (with the nearest one that is), that has
 * no counterpart (with what to do instead), or that Spark's mode does not allow; KUSTO_BAD_OPTION for a value
 */
export function writeOptionsFromSpark(options: SparkOptions): SparkWrite {
  const given = givenSparkOptions(options, NAMES)
  const mode = sparkChoice(given, 'writeMode', MODES) ?? 'Transactional'
  const adjustSchema = sparkChoice(given, 'adjustSchema', ADJUSTMENTS) ?? 'NoAdjustment'
  refuseSaveMode(given)
  const timeoutMs = timeoutOf(given)
  return {
    connector: sparkConnector(given),
    table: requiredSparkOption(given, 'kustoTable'),
    write: mode === 'KustoStreaming' ? streaming(given, adjustSchema) : blobs(given, { mode, adjustSchema, timeoutMs }),
    completed: { timeoutMs },
    notes: sparkNotes(given, mode),
  }
}

interface BlobChoices {
  readonly mode: 'Transactional' | 'Queued'
  readonly adjustSchema: AdjustSchema
  readonly timeoutMs: number
}

function blobs(given: GivenSparkOptions, { mode, adjustSchema, timeoutMs }: BlobChoices): WriteOptions {
  const { ingestionMapping, ingestionMappingReference, ...properties } = sparkIngestionProperties(given)
  const isMapped = ingestionMapping !== undefined || ingestionMappingReference !== undefined
  if (isMapped && adjustSchema === 'GenerateDynamicCsvMapping') {
    throw badSpark('a mapping in sparkIngestionPropertiesJson or GenerateDynamicCsvMapping, found both')
  }
  if (isMapped && adjustSchema === 'FailIfNotMatch') {
    throw badSpark(
      'a mapping in sparkIngestionPropertiesJson or FailIfNotMatch, found both: a mapping says how columns meet',
    )
  }
  const storage = given.get('kustoingestionstoragecontainer')
  const requestId = given.get('requestid')
  const limit = megabytes(given, 'clientBatchingLimit')
  const deduplicates = sparkFlag(given, 'ensureNoDuplicatedBlobs') === true
  return {
    ...(mode === 'Transactional' ? transactional(given, timeoutMs) : { mode: 'queued' }),
    create: sparkChoice(given, 'tableCreateOptions', ['FailIfNotExist', 'CreateIfNotExist']) ?? 'FailIfNotExist',
    ...(isMapped ? {} : { adjustSchema }),
    ...properties,
    ...(isMapped ? { format: 'csv' } : {}),
    ...(ingestionMapping === undefined ? {} : { ingestionMapping }),
    ...(ingestionMappingReference === undefined ? {} : { ingestionMappingReference }),
    ...(limit === undefined ? {} : { maxBlobBytes: limit }),
    flushFullBlobs: sparkFlag(given, 'disableFlushImmediately') !== true,
    ...(storage === undefined ? {} : { ingestionStorage: sparkIngestionStorage(storage) }),
    ...(deduplicates ? { deduplicateBlobs: mode === 'Queued' && requestId !== undefined ? requestId : true } : {}),
    ...sourceLocation(given, adjustSchema, isMapped),
    ...(requestId === undefined ? {} : { requestId }),
  }
}

function transactional(
  given: GivenSparkOptions,
  timeoutMs: number,
): Pick<WriteOptions, 'mode' | 'timeoutMs' | 'stagingTable' | 'stagingTimeoutMs'> {
  const stagingTable = given.get('temptablename')
  const stagingTimeoutMs = sparkSeconds(given, 'stagingResourcesAutoCleanupTimeout')
  return {
    mode: 'transactional',
    timeoutMs,
    ...(stagingTable === undefined ? {} : { stagingTable }),
    ...(stagingTimeoutMs === undefined || stagingTable !== undefined ? {} : { stagingTimeoutMs }),
  }
}

function streaming(given: GivenSparkOptions, adjustSchema: AdjustSchema): SparkStreamingWrite {
  const { flushImmediately, ingestionMappingReference, ...others } = sparkIngestionProperties(given)
  const refused = Object.keys(others).concat(adjustSchema === 'GenerateDynamicCsvMapping' ? [adjustSchema] : [])
  if (refused.length > 0) throw badSpark(`no ${refused.join(', ')} with writeMode KustoStreaming, which ignores them`)
  for (const name of ['tempTableName', 'ensureNoDuplicatedBlobs', 'addSourceLocationTransform']) {
    const value = given.get(name.toLowerCase())
    if (value !== undefined && value.toLowerCase() !== 'false')
      throw badSpark(`no ${name} with writeMode KustoStreaming`)
  }
  const maxRequestBytes = megabytes(given, 'streamingIngestSizeInMB')
  if (maxRequestBytes !== undefined && maxRequestBytes > 10 * MIB) {
    throw badOption('expected streamingIngestSizeInMB of at most 10, the bound of a request')
  }
  return {
    mode: 'streaming',
    create: sparkChoice(given, 'tableCreateOptions', ['FailIfNotExist', 'CreateIfNotExist']) ?? 'FailIfNotExist',
    ...(ingestionMappingReference === undefined ? { adjustSchema } : { ingestionMappingReference }),
    ...(flushImmediately === undefined ? {} : { flushImmediately }),
    ...(maxRequestBytes === undefined ? {} : { maxRequestBytes }),
  }
}

function sourceLocation(
  given: GivenSparkOptions,
  adjustSchema: AdjustSchema,
  isMapped: boolean,
): Pick<WriteOptions, 'sourceLocationColumn'> {
  if (sparkFlag(given, 'addSourceLocationTransform') !== true) return {}
  if (isMapped || adjustSchema !== 'GenerateDynamicCsvMapping') {
    throw badSpark('adjustSchema GenerateDynamicCsvMapping with addSourceLocationTransform')
  }
  return { sourceLocationColumn: SOURCE_LOCATION_COLUMN }
}

/** Spark's default where none is given; a negative one, or none, ends before the staging table's time does. */
function timeoutOf(given: GivenSparkOptions): number {
  const stagingMs = sparkSeconds(given, 'stagingResourcesAutoCleanupTimeout') ?? STAGING_MS
  const half = Math.floor(stagingMs / 2)
  const asked = sparkSeconds(given, 'timeoutLimit')
  if (asked !== undefined) return asked
  return given.has('timeoutlimit') ? half : Math.min(TIMEOUT_MS, half)
}

/** Whole megabytes as bytes, of any size. */
function megabytes(given: GivenSparkOptions, name: string): number | undefined {
  const text = given.get(name.toLowerCase())
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text) * MIB
  throw badOption(`expected ${name} as whole MB, found ${text}`)
}

function refuseSaveMode(given: GivenSparkOptions): void {
  const mode = given.get('savemode')
  if (mode !== undefined && mode.toLowerCase() !== 'append') {
    throw badSpark(`saveMode Append, as Spark's sink does, found ${mode}; to replace rows write with mode: 'replace'`)
  }
  if (given.has('partitionby')) {
    throw badSpark('no partitionBy, which the sink ignores; a partitioning policy of the table cuts its extents')
  }
}
