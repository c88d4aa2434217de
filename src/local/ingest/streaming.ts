import type { ResultTable } from '../engine/result-table.ts'
import { databaseNotExist } from '../engine/entity-errors.ts'
import { LocalError } from '../server/local-error.ts'
import { parseStorageConnectionString } from '../storage/connection-string.ts'
import { FORMATS, type IngestFormat, parseFormat } from './formats.ts'
import { type IngestServices, type IngestSource, ingestSources, payloadTooLarge } from './ingest-sources.ts'
import { parseIngestionProperties } from './ingestion-properties.ts'

/** Most data that one streaming request may carry, in bytes after decompression. */
export const MAX_STREAMING_BYTES: number = 4 * 1024 * 1024

/**
 * Streaming ingestion for the cluster: `on` where no policy forbids it, as in Fabric; `policy` where a policy of the table
 * or its database enables it, as in Azure; `off`.
 */
export type StreamingSwitch = 'on' | 'policy' | 'off'

/** Formats that the streaming endpoint documents. */
const STREAMING_FORMATS: readonly IngestFormat[] = ['csv', 'tsv', 'scsv', 'sohsv', 'psv', 'json', 'multijson']

/** `POST /v1/rest/ingest/{database}/{table}` with its query parameters. */
export interface StreamingRequest {
  readonly database: string
  readonly table: string
  readonly streamFormat: string | undefined
  readonly mappingName: string | undefined
  /** `uri` when the body is `{"sourceUri": "..."}`. */
  readonly sourceKind: string | undefined
  /** The body, inflated. */
  readonly body: Uint8Array
  /** How the cluster is set. Default `on`. */
  readonly switch?: StreamingSwitch
  readonly signal?: AbortSignal
}

/**
 * Appends the data of a streaming request; it can be queried when this returns. The answer is the table of the v1 object.
 *
 * @throws {LocalError} 404 for a missing database or table and for streaming that is off for the cluster, 413 beyond 4 MB,
 * 400 for a table whose policy does not enable it and for bad data
 */
export async function ingestStream(services: IngestServices, request: StreamingRequest): Promise<ResultTable> {
  checkTarget(services, request)
  if (request.body.length > MAX_STREAMING_BYTES) throw payloadTooLarge(MAX_STREAMING_BYTES)
  if (request.streamFormat === undefined || request.streamFormat === '') {
    throw new LocalError('BadRequest_MissingFormat', 'the query parameter streamFormat is required')
  }
  const format = parseFormat(request.streamFormat)
  if (!STREAMING_FORMATS.includes(format)) {
    throw new LocalError('BadRequest_FormatNotSupported', `streaming ingestion does not take the format ${format}`)
  }
  const mappingName = request.mappingName === '' ? undefined : request.mappingName
  if (FORMATS[format].mapping === 'json' && mappingName === undefined) {
    throw new LocalError(
      'BadRequest_EmptyMappingReference',
      `streaming ingestion of ${format} needs the query parameter mappingName`,
    )
  }
  const session = await services.duck.connect()
  const stop = (): void => session.interrupt()
  request.signal?.addEventListener('abort', stop, { once: true })
  try {
    const [outcome] = await ingestSources(services, session, {
      database: request.database,
      table: request.table,
      sources: [sourceOf(request, format)],
      properties: {
        ...parseIngestionProperties([]),
        format,
        ...(mappingName === undefined ? {} : { mappingReference: mappingName }),
      },
      signal: request.signal,
    })
    return {
      columns: [
        { name: 'ConsumptionRecordsCount', type: 'long' },
        { name: 'UpdatePolicyStatus', type: 'string' },
        { name: 'UpdatePolicyFailureCode', type: 'string' },
        { name: 'UpdatePolicyFailureReason', type: 'string' },
      ],
      rows: [[BigInt(outcome?.rowCount ?? 0), 'Inactive', 'Unknown', '']],
    }
  } finally {
    request.signal?.removeEventListener('abort', stop)
    session.close()
  }
}

function checkTarget({ catalog }: IngestServices, request: StreamingRequest): void {
  const { database, table } = request
  if (catalog.database(database) === undefined) throw notFound(databaseNotExist(database))
  if (catalog.table(database, table) === undefined) {
    throw new LocalError('BadRequest_TableNotExist', `Table '${table}' does not exist.`, {
      status: 404,
      type: 'Kusto.Data.Exceptions.EntityNotFoundException',
    })
  }
  const setting = request.switch ?? 'on'
  if (setting === 'off') {
    throw new LocalError(
      'NotFound_StreamingIngestionDisabledForCluster',
      'Streaming ingestion is disabled for the cluster.',
      { status: 404, type: 'Kusto.DataNode.Exceptions.StreamingIngestionDisabledForClusterException' },
    )
  }
  const policy = catalog.policy(database, table, 'streamingingestion')
  const parsed: unknown = policy === undefined ? undefined : JSON.parse(policy)
  const enabled = typeof parsed === 'object' && parsed !== null && 'IsEnabled' in parsed ? parsed.IsEnabled : undefined
  if (enabled === false || (enabled === undefined && setting === 'policy')) {
    throw new LocalError(
      'BadRequest_StreamingIngestionPolicyNotEnabled',
      `Streaming ingestion policy is not enabled for the table '${table}'; enable it with: .alter table ${table} policy streamingingestion enable`,
      { type: 'Kusto.DataNode.Exceptions.StreamingIngestionPolicyNotEnabledException' },
    )
  }
}

function notFound(error: LocalError): LocalError {
  return new LocalError(error.code, error.message, { status: 404, type: error.type })
}

function sourceOf({ sourceKind, body }: StreamingRequest, format: IngestFormat): IngestSource {
  if (sourceKind === undefined || sourceKind === '' || sourceKind.toLowerCase() === 'stream') {
    return { kind: 'bytes', bytes: body, name: 'stream', format }
  }
  if (sourceKind.toLowerCase() !== 'uri') throw new LocalError('BadRequest', `unknown sourceKind '${sourceKind}'`)
  return { kind: 'blob', location: parseStorageConnectionString(sourceUri(body)), maxBytes: MAX_STREAMING_BYTES }
}

function sourceUri(body: Uint8Array): string {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch (cause) {
    throw new LocalError('BadRequest', 'the body of a request with sourceKind=uri must be JSON', { cause })
  }
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []
  const uri: unknown = entries.find(([key]) => key.toLowerCase() === 'sourceuri')?.[1]
  if (typeof uri !== 'string') throw new LocalError('BadRequest_EmptyBlobUri', 'the body names no sourceUri')
  return uri
}
