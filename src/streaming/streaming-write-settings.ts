import { checkNames, oneOf, wholeNumber } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import { ADJUSTMENTS, CREATE_MODES } from '../sink/check-write-options.ts'
import type { AdjustSchema, CreateMode } from '../sink/plan-schema.ts'
import type { WriteOptions } from '../sink/write-settings.ts'
import { DELIVERY_NAMES, deliverySettings } from './delivery-settings.ts'
import type { DeliveryOptions, DeliverySettings } from './delivery-settings.ts'

/** How rows are encoded for streaming ingestion. */
export type StreamingFormat = 'csv' | 'json'

/**
 * Options of `write` with `mode: 'streaming'`. Those of a queued write that streaming has no use for are refused, or with
 * `dropUnsupported` left out.
 */
export interface StreamingWriteOptions
  extends DeliveryOptions, Omit<WriteOptions, keyof DeliveryOptions | 'mode' | 'format' | 'explain' | 'requestId'> {
  readonly mode: 'streaming'
  /** Default `csv`; `json` needs `ingestionMappingReference`. */
  readonly format?: StreamingFormat
  /** Leave out options that streaming ingestion ignores (tags, creation time ...) instead of refusing them. Default false. */
  readonly dropUnsupported?: boolean
}

/** {@link StreamingWriteOptions} with every choice made. */
export interface StreamingWriteSettings extends DeliverySettings {
  readonly create: CreateMode
  readonly adjustSchema: AdjustSchema
  readonly format: StreamingFormat
  /** A stored mapping of the kind of `format`. */
  readonly mapping: string | undefined
  /** Rows the schema is inferred from, when the data are rows. */
  readonly inferRows: number
  readonly dropped: readonly string[]
}

/** Why streaming ingestion has no use for an option. The service would ignore most of these in silence. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['dropByTags', 'extents of streamed rows carry no tags'],
  ['ingestByTags', 'extents of streamed rows carry no tags'],
  ['additionalTags', 'extents of streamed rows carry no tags'],
  ['ingestIfNotExists', 'streaming compares no tags'],
  ['deduplicateBlobs', 'streaming compares no tags'],
  ['creationTime', 'streamed rows are as old as their ingestion'],
  ['ingestionMapping', 'a request carries no mapping: store it and give ingestionMappingReference'],
  ['ignoreFirstRecord', 'every record of a request is data'],
  ['validationPolicy', 'a request is taken whole or not at all'],
  ['sourceLocationColumn', 'a request has no location'],
  ['replaceTag', 'streamed rows replace nothing'],
  ['stagingTable', 'rows are visible as they arrive'],
  ['stagingTimeoutMs', 'rows are visible as they arrive'],
  ['timeoutMs', 'there is no move to wait for; a signal bounds the write'],
])

/** Options of blobs: nothing is lost without them, but they have no effect either. */
const OF_BLOBS: readonly string[] = [
  'compression',
  'maxBlobBytes',
  'uploads',
  'encodeWorkers',
  'maxBufferedBytes',
  'ingestionStorage',
  'deleteIngestedBlobs',
  'flushFullBlobs',
]

const FORMATS: readonly StreamingFormat[] = ['csv', 'json']

/**
 * Fills in defaults and checks every option once.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown key or a value out of range, KUSTO_NOT_STREAMABLE for options
 * that streaming has no use for, KUSTO_MAPPING_REQUIRED for JSON without a mapping
 */
export function streamingWriteSettings(options: StreamingWriteOptions): StreamingWriteSettings {
  const given = Object.entries(options).filter(([, value]) => isGiven(value))
  checkNames(options, [
    ...DELIVERY_NAMES,
    'mode',
    'create',
    'adjustSchema',
    'format',
    'ingestionMappingReference',
    'inferRows',
    'dropUnsupported',
    ...UNSUPPORTED.keys(),
    ...OF_BLOBS,
  ])
  oneOf('mode', options.mode, ['streaming'])
  const unsupported = unsupportedNames(given.map(([name]) => name))
  const adjustSchema = oneOf('adjustSchema', options.adjustSchema ?? 'ByName', ADJUSTMENTS)
  const generated = adjustSchema === 'GenerateDynamicCsvMapping'
  const refused = [
    ...unsupported,
    ...(generated ? ['adjustSchema: a request carries no generated mapping; ByName needs none'] : []),
  ]
  if (refused.length > 0 && options.dropUnsupported !== true) throw notStreamable(refused)
  const format = oneOf('format', options.format ?? 'csv', FORMATS)
  const mapping = options.ingestionMappingReference
  if (format === 'json' && mapping === undefined) throw mappingRequired(format)
  return {
    ...deliverySettings(options),
    create: oneOf('create', options.create ?? 'FailIfNotExist', CREATE_MODES),
    adjustSchema: generated ? 'ByName' : adjustSchema,
    format,
    mapping,
    inferRows: wholeNumber('inferRows', options.inferRows ?? 10_000, 10_000_000),
    dropped: refused.map((text) => text.replace(/:.*$/, '')),
  }
}

/** The given names that streaming has no use for, each with the reason. */
export function unsupportedNames(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    if (OF_BLOBS.includes(name)) return `${name}: it is an option of blobs`
    const reason = UNSUPPORTED.get(name)
    return reason === undefined ? [] : `${name}: ${reason}`
  })
}

export function notStreamable(refused: readonly string[]): KustoUsageError {
  return new KustoUsageError(
    'KUSTO_NOT_STREAMABLE',
    `streaming ingestion would ignore ${refused.join('; ')}: leave out, or set dropUnsupported`,
  )
}

export function mappingRequired(format: string): KustoUsageError {
  return new KustoUsageError(
    'KUSTO_MAPPING_REQUIRED',
    `expected ingestionMappingReference, the name of a stored mapping, for streaming ${format}, found none`,
  )
}

/** An empty list, `false` and `undefined` ask for nothing. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
}
