import { KustoProtocolError, KustoUsageError } from '../errors.ts'
import { redact } from './redact.ts'

/** Properties of an ingestion under the service's own names, as both the queue message and the REST call know them. */
export interface IngestionProperties {
  /** `csv`, `parquet`, `json`, ... in lower case. */
  readonly format: string
  readonly tags?: readonly string[]
  /** Values of `ingest-by:` tags, without the prefix. */
  readonly ingestIfNotExists?: readonly string[]
  /** JSON text of the column mappings; excludes `ingestionMappingReference`. */
  readonly ingestionMapping?: string
  readonly ingestionMappingReference?: string
  /** `Csv`, `Json`, `Parquet`, ... */
  readonly ingestionMappingType?: string
  readonly ignoreFirstRecord?: boolean
  /** ISO 8601. */
  readonly creationTime?: string
  /** JSON text. */
  readonly validationPolicy?: string
  /** Skips the wait for a full batch. */
  readonly flushImmediately?: boolean
  readonly deleteAfterDownload?: boolean
  readonly ignoreSizeLimit?: boolean
  /** Properties not listed here, passed through. */
  readonly more?: Readonly<Record<string, unknown>>
}

export interface IngestionBlob {
  readonly sourceId: string
  /** With its credential: a SAS, or `;managed_identity=...`. */
  readonly url: string
  /** Uncompressed bytes, exact; undefined when nobody knows. */
  readonly rawBytes?: number
}

export interface QueueMessageInput {
  readonly blob: IngestionBlob
  readonly database: string
  readonly table: string
  readonly properties: IngestionProperties
  /** Of `.get kusto identity token`. */
  readonly authorizationContext: string
  readonly reportLevel: 'failures' | 'none' | 'failures-and-successes'
  readonly reportMethod: 'queue' | 'table' | 'queue-and-table'
  readonly statusTable?: { readonly connectionString: string; readonly partitionKey: string; readonly rowKey: string }
  readonly createdAt: Date
  readonly application?: string
  readonly clientVersion?: string
}

/** The bound of the storage queue, after base64. */
export const MAX_QUEUE_MESSAGE_BYTES: number = 65_536

const REPORT_LEVEL: Readonly<Record<QueueMessageInput['reportLevel'], number>> = {
  failures: 0,
  none: 1,
  'failures-and-successes': 2,
}
const REPORT_METHOD: Readonly<Record<QueueMessageInput['reportMethod'], number>> = {
  queue: 0,
  table: 1,
  'queue-and-table': 2,
}

/** The JSON of one queue message. Layout: Id, BlobPath, RawDataSize?, DatabaseName, TableName, flags, AdditionalProperties, ... */
export function queueMessage(input: QueueMessageInput): string {
  const { blob, properties, statusTable } = input
  checkMapping(properties)
  return JSON.stringify({
    Id: blob.sourceId,
    BlobPath: blob.url,
    RawDataSize: blob.rawBytes,
    DatabaseName: input.database,
    TableName: input.table,
    RetainBlobOnSuccess: properties.deleteAfterDownload !== true,
    FlushImmediately: properties.flushImmediately ?? false,
    IgnoreSizeLimit: properties.ignoreSizeLimit ?? false,
    ReportLevel: REPORT_LEVEL[input.reportLevel],
    ReportMethod: REPORT_METHOD[input.reportMethod],
    SourceMessageCreationTime: input.createdAt.toISOString(),
    ...(statusTable === undefined
      ? {}
      : {
          IngestionStatusInTable: {
            TableConnectionString: statusTable.connectionString,
            PartitionKey: statusTable.partitionKey,
            RowKey: statusTable.rowKey,
          },
        }),
    ApplicationForTracing: input.application,
    ClientVersionForTracing: input.clientVersion,
    AdditionalProperties: {
      ...properties.more,
      authorizationContext: input.authorizationContext,
      format: properties.format,
      tags: properties.tags === undefined ? undefined : JSON.stringify(properties.tags),
      ingestIfNotExists:
        properties.ingestIfNotExists === undefined ? undefined : JSON.stringify(properties.ingestIfNotExists),
      ingestionMapping: properties.ingestionMapping,
      ingestionMappingReference: properties.ingestionMappingReference,
      ingestionMappingType: properties.ingestionMappingType,
      ignoreFirstRecord: properties.ignoreFirstRecord,
      creationTime: properties.creationTime,
      validationPolicy: properties.validationPolicy,
    },
  })
}

/**
 * The text of a queue message: base64 of the JSON in UTF-8.
 * @throws {KustoUsageError} KUSTO_MESSAGE_TOO_LARGE beyond the queue's 64 KB, which only a large inline mapping reaches
 */
export function encodeQueueMessage(json: string): string {
  const encoded = Buffer.from(json, 'utf8').toString('base64')
  if (encoded.length <= MAX_QUEUE_MESSAGE_BYTES) return encoded
  throw new KustoUsageError(
    'KUSTO_MESSAGE_TOO_LARGE',
    `expected a queue message of at most ${MAX_QUEUE_MESSAGE_BYTES} bytes, found ${encoded.length}: store the mapping and refer to it`,
  )
}

/** The body of `POST /v1/rest/ingestion/queued/{db}/{table}`. */
export function submitBody(
  blobs: readonly IngestionBlob[],
  properties: IngestionProperties,
  submission: { readonly createdAt: Date; readonly tracking: boolean },
): string {
  checkMapping(properties)
  return JSON.stringify({
    timestamp: submission.createdAt.toISOString(),
    blobs: blobs.map((blob) => ({ url: blob.url, sourceId: blob.sourceId, rawSize: blob.rawBytes })),
    properties: {
      ...properties.more,
      format: properties.format,
      enableTracking: submission.tracking,
      tags: properties.tags,
      ingestIfNotExists: properties.ingestIfNotExists,
      skipBatching: properties.flushImmediately,
      deleteAfterDownload: properties.deleteAfterDownload,
      ingestionMapping: properties.ingestionMapping,
      ingestionMappingReference: properties.ingestionMappingReference,
      ignoreSizeLimit: properties.ignoreSizeLimit,
      ignoreFirstRecord: properties.ignoreFirstRecord,
      creationTime: properties.creationTime,
      validationPolicy: properties.validationPolicy,
    },
  })
}

/** The operation id of a submit answer; undefined when tracking is off. */
export function parseSubmitAnswer(json: unknown): string | undefined {
  const id = read(json, 'ingestionOperationId')
  return typeof id === 'string' && id !== '' ? id : undefined
}

/** What the ingestion endpoint offers; `GET /v1/rest/ingestion/configuration`. */
export interface IngestionConfiguration {
  /** Container URLs with SAS. */
  readonly containers: readonly string[]
  /** OneLake folders, without a credential: the caller's own token. */
  readonly lakeFolders: readonly string[]
  readonly preferredUpload: 'storage' | 'lake' | undefined
  /** `[d.]hh:mm:ss` as sent. */
  readonly refreshInterval: string | undefined
  readonly maxBlobsPerBatch: number | undefined
  readonly maxDataBytes: number | undefined
}

export function parseConfiguration(json: unknown): IngestionConfiguration {
  const containers = read(json, 'containerSettings')
  const ingestion = read(json, 'ingestionSettings')
  const preferred = text(read(containers, 'preferredUploadMethod'))?.toLowerCase()
  return {
    containers: paths(read(containers, 'containers')),
    lakeFolders: paths(read(containers, 'lakeFolders')),
    preferredUpload: preferred === 'lake' || preferred === 'storage' ? preferred : undefined,
    refreshInterval: text(read(containers, 'refreshInterval')),
    maxBlobsPerBatch: number(read(ingestion, 'maxBlobsPerBatch')),
    maxDataBytes: number(read(ingestion, 'maxDataSize')),
  }
}

export type BlobState = 'Queued' | 'InProgress' | 'Succeeded' | 'Skipped' | 'Failed' | 'PartiallySucceeded' | 'Canceled'

const BLOB_STATES: ReadonlyMap<string, BlobState> = new Map(
  (['Queued', 'InProgress', 'Succeeded', 'Skipped', 'Failed', 'PartiallySucceeded', 'Canceled'] as const).map(
    (state) => [state.toLowerCase(), state],
  ),
)

export interface BlobStatus {
  readonly sourceId: string
  readonly state: BlobState
  readonly errorCode: string | undefined
  /** `Permanent`, `Transient`, `Exhausted` or `Unknown`. */
  readonly failureStatus: string | undefined
  readonly details: string | undefined
}

export interface IngestionStatus {
  readonly counts: {
    readonly succeeded: number
    readonly failed: number
    readonly inProgress: number
    readonly canceled: number
  }
  /** Empty unless the details were asked for. */
  readonly blobs: readonly BlobStatus[]
}

/**
 * An answer of `GET /v1/rest/ingestion/queued/{db}/{table}/{operationId}`.
 * @throws {KustoProtocolError} KUSTO_BAD_INGESTION_STATUS when there are no counts, or a blob has an unknown state
 */
export function parseIngestionStatus(json: unknown): IngestionStatus {
  const status = read(json, 'status')
  if (typeof status !== 'object' || status === null) throw badStatus('status', status)
  const details = read(json, 'details')
  return {
    counts: {
      succeeded: number(read(status, 'succeeded')) ?? 0,
      failed: number(read(status, 'failed')) ?? 0,
      inProgress: number(read(status, 'inProgress')) ?? 0,
      canceled: number(read(status, 'canceled')) ?? 0,
    },
    blobs: Array.isArray(details) ? details.map(blobStatus) : [],
  }
}

function blobStatus(json: unknown): BlobStatus {
  const state = BLOB_STATES.get(text(read(json, 'status'))?.toLowerCase() ?? '')
  if (state === undefined) throw badStatus('details.status', read(json, 'status'))
  const details = text(read(json, 'details'))
  return {
    sourceId: text(read(json, 'sourceId')) ?? '',
    state,
    errorCode: text(read(json, 'errorCode')),
    failureStatus: text(read(json, 'failureStatus')),
    details: details === undefined ? undefined : redact(details),
  }
}

function checkMapping(properties: IngestionProperties): void {
  if (properties.ingestionMapping !== undefined && properties.ingestionMappingReference !== undefined) {
    throw new KustoUsageError('KUSTO_TWO_MAPPINGS', 'expected a mapping or a reference to one, found both')
  }
}

/** A property in any case: the service's casing differs between its pages. */
function read(json: unknown, property: string): unknown {
  if (typeof json !== 'object' || json === null) return undefined
  const wanted = property.toLowerCase()
  return Object.entries(json).find(([key]) => key.toLowerCase() === wanted)?.[1]
}

function paths(json: unknown): readonly string[] {
  return Array.isArray(json) ? json.flatMap((item) => text(read(item, 'path')) ?? []) : []
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function badStatus(path: string, found: unknown): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BAD_INGESTION_STATUS', `expected an ingestion status, found ${typeof found}`, {
    path,
  })
}
