import { checkNames, oneOf, wholeNumber } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import { formatIngestionMapping } from '../protocol/ingestion-mapping.ts'
import type { IngestionMapping } from '../protocol/ingestion-mapping.ts'
import type { IngestionProperties } from '../protocol/ingestion-message.ts'
import {
  checkedCreationTime,
  checkedMapping,
  checkedTags,
  checkedValidationPolicy,
  validationPolicyJson,
} from '../sink/ingestion-options.ts'
import type { ValidationPolicy } from '../sink/ingestion-options.ts'
import { DELIVERY_NAMES, deliverySettings } from './delivery-settings.ts'
import type { DeliveryOptions, DeliverySettings } from './delivery-settings.ts'
import { INGEST_FORMATS } from './ingest-formats.ts'
import type { IngestFormat } from './ingest-formats.ts'
import type { OnStreamingEvent } from './streaming-events.ts'
import { mappingRequired, notStreamable, unsupportedNames } from './streaming-write-settings.ts'

/** What a file or stream is, and what the queue is told of it. */
export interface SourceOptions {
  /** Default: what the file's name says. A stream has no name. */
  readonly format?: IngestFormat
  /** The name of a stored mapping of the format's kind. */
  readonly ingestionMappingReference?: string
  /** A mapping that goes along; queued only. */
  readonly ingestionMapping?: IngestionMapping
  /** The first record holds column names and is no data; queued only. Default false. */
  readonly ignoreFirstRecord?: boolean
  /** `drop-by:` tags of the extents, without the prefix; queued only. */
  readonly dropByTags?: readonly string[]
  /** `ingest-by:` tags of the extents, without the prefix; queued only. */
  readonly ingestByTags?: readonly string[]
  /** Further extent tags; queued only. */
  readonly additionalTags?: readonly string[]
  /** The service skips the data when an extent of the table carries one of these `ingest-by:` values; queued only. */
  readonly ingestIfNotExists?: readonly string[]
  /** Creation time of the extents; queued only. */
  readonly creationTime?: Date
  /** What the service does with CSV records of unequal length; queued only. */
  readonly validationPolicy?: ValidationPolicy
  /** Ask the service not to wait for more data to batch with. Default false. */
  readonly flushImmediately?: boolean
  /** How long the source may give nothing. Default 300,000 (five minutes). */
  readonly idleTimeoutMs?: number
  /** Bytes before compression at most: the end of a source that has none. Default 4 GiB, the service's bound for a blob. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  readonly onEvent?: OnStreamingEvent
}

/** Options of `ingestFile` and `ingestStream` through the ingestion queue. */
export interface QueuedIngestOptions extends SourceOptions {
  readonly mode?: 'queued'
}

/** Options of `ingestFile` and `ingestStream` by streaming ingestion, with the queue for what does not stream. */
export interface StreamingIngestOptions extends SourceOptions, Omit<DeliveryOptions, 'concurrency'> {
  readonly mode: 'streaming'
  /** Leave out options that are marked as queued only instead of refusing them. Default false. */
  readonly dropUnsupported?: boolean
}

export type IngestOptions = QueuedIngestOptions | StreamingIngestOptions

/** {@link IngestOptions} with every choice made. */
export interface IngestSettings {
  readonly mode: 'queued' | 'streaming'
  readonly format: IngestFormat
  /** A stored mapping. */
  readonly mapping: string | undefined
  /** Of the blob, when the data go to the queue. */
  readonly properties: IngestionProperties
  readonly idleTimeoutMs: number
  readonly maxBytes: number
  readonly delivery: DeliverySettings
  readonly dropped: readonly string[]
}

const SOURCE_NAMES: readonly (keyof SourceOptions | 'mode')[] = [
  'mode',
  'format',
  'ingestionMappingReference',
  'ingestionMapping',
  'ignoreFirstRecord',
  'dropByTags',
  'ingestByTags',
  'additionalTags',
  'ingestIfNotExists',
  'creationTime',
  'validationPolicy',
  'flushImmediately',
  'idleTimeoutMs',
  'maxBytes',
  'signal',
  'onEvent',
]
const STREAMING_NAMES = [...DELIVERY_NAMES.filter((name) => name !== 'concurrency'), 'dropUnsupported']

const FORMATS = Object.keys(INGEST_FORMATS) as readonly IngestFormat[]
const IDLE_TIMEOUT_MS = 300_000
const MAX_BYTES = 4 * 1024 ** 3

/**
 * Fills in defaults and checks every option once; `nameFormat` is asked when `format` is left out.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION; KUSTO_TWO_MAPPINGS; KUSTO_NOT_STREAMABLE for a format or an option that
 * streaming does not know; KUSTO_MAPPING_REQUIRED where streaming needs a stored mapping
 */
export function ingestSettings(options: IngestOptions, nameFormat: () => IngestFormat): IngestSettings {
  const mode = oneOf('mode', options.mode ?? 'queued', ['queued', 'streaming'])
  checkNames(options, mode === 'queued' ? SOURCE_NAMES : [...SOURCE_NAMES, ...STREAMING_NAMES])
  const format = options.format === undefined ? nameFormat() : oneOf('format', options.format, FORMATS)
  const choice = checkedMapping(options.ingestionMapping, options.ingestionMappingReference)
  const mapping = choice?.kind === 'reference' ? choice.name : undefined
  const { dropped, own } = options.mode === 'streaming' ? streamable(options) : { dropped: [], own: options }
  if (mode === 'streaming') checkFormat(format, mapping)
  return {
    mode,
    format,
    mapping,
    properties: propertiesOf(own, format),
    idleTimeoutMs: wholeNumber('idleTimeoutMs', options.idleTimeoutMs ?? IDLE_TIMEOUT_MS, 86_400_000),
    maxBytes: wholeNumber('maxBytes', options.maxBytes ?? MAX_BYTES, MAX_BYTES),
    delivery: deliverySettings(options),
    dropped,
  }
}

/** The options without those that streaming ignores, when they may be dropped. */
function streamable(options: StreamingIngestOptions): {
  readonly dropped: readonly string[]
  readonly own: SourceOptions
} {
  const given = Object.entries(options).filter(([, value]) => !isNothing(value))
  const refused = unsupportedNames(given.map(([name]) => name))
  if (refused.length === 0) return { dropped: [], own: options }
  if (options.dropUnsupported !== true) throw notStreamable(refused)
  const dropped = refused.map((reason) => reason.replace(/:.*$/, ''))
  return { dropped, own: Object.fromEntries(given.filter(([name]) => !dropped.includes(name))) }
}

function checkFormat(format: IngestFormat, mapping: string | undefined): void {
  const { streaming } = INGEST_FORMATS[format]
  if (streaming === 'no') {
    throw new KustoUsageError(
      'KUSTO_NOT_STREAMABLE',
      `expected a format that can be streamed (${FORMATS.filter((one) => INGEST_FORMATS[one].streaming !== 'no').join(', ')}), found ${format}: write it queued`,
    )
  }
  if (streaming === 'with-mapping' && mapping === undefined) throw mappingRequired(format)
}

function propertiesOf(options: SourceOptions, format: IngestFormat): IngestionProperties {
  const choice = checkedMapping(options.ingestionMapping, options.ingestionMappingReference)
  const tags = [
    ...checkedTags('dropByTags', options.dropByTags, 'drop-by:').map((tag) => `drop-by:${tag}`),
    ...checkedTags('ingestByTags', options.ingestByTags, 'ingest-by:').map((tag) => `ingest-by:${tag}`),
    ...checkedTags('additionalTags', options.additionalTags),
  ]
  const ingestIfNotExists = checkedTags('ingestIfNotExists', options.ingestIfNotExists, 'ingest-by:')
  const creationTime = checkedCreationTime(options.creationTime)
  const policy = options.validationPolicy
  return {
    format,
    ...(choice === undefined ? {} : { ingestionMappingType: INGEST_FORMATS[format].mapping }),
    ...(choice?.kind === 'reference' ? { ingestionMappingReference: choice.name } : {}),
    ...(choice?.kind === 'inline' ? { ingestionMapping: formatIngestionMapping(choice.columns) } : {}),
    ...(tags.length > 0 ? { tags } : {}),
    ...(ingestIfNotExists.length > 0 ? { ingestIfNotExists } : {}),
    ...(creationTime === undefined ? {} : { creationTime: creationTime.toISOString() }),
    ...(options.ignoreFirstRecord === true ? { ignoreFirstRecord: true } : {}),
    ...(policy === undefined ? {} : { validationPolicy: validationPolicyJson(checkedValidationPolicy(policy)) }),
    flushImmediately: options.flushImmediately ?? false,
    deleteAfterDownload: true,
  }
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === false || (Array.isArray(value) && value.length === 0)
}
