import { LocalError } from '../server/local-error.ts'

/** Where the status of one source is kept. */
export interface StatusRow {
  /** URL of the table with its SAS. */
  readonly tableUrl: string
  readonly partitionKey: string
  readonly rowKey: string
}

/** An ingestion message of the aggregation queue. */
export interface QueueMessage {
  readonly id: string
  readonly blobPath: string
  readonly database: string
  readonly table: string
  readonly retainBlobOnSuccess: boolean
  readonly flushImmediately: boolean
  readonly reportLevel: ReportLevel
  readonly reportMethod: ReportMethod
  readonly status: StatusRow | undefined
  /** AdditionalProperties, and what some clients put beside them. */
  readonly properties: readonly (readonly [string, unknown])[]
}

const LEVELS = ['FailuresOnly', 'None', 'FailuresAndSuccesses'] as const
export type ReportLevel = (typeof LEVELS)[number]
const METHODS = ['Queue', 'Table', 'QueueAndTable', 'AzureMonitoring'] as const
export type ReportMethod = (typeof METHODS)[number]

/** How to report a message that could not be parsed as far as its report settings. */
export const UNKNOWN_MESSAGE: QueueMessage = {
  id: '00000000-0000-0000-0000-000000000000',
  blobPath: '',
  database: '',
  table: '',
  retainBlobOnSuccess: true,
  flushImmediately: true,
  reportLevel: 'FailuresOnly',
  reportMethod: 'Queue',
  status: undefined,
  properties: [],
}

/**
 * Parses the text of a queue message: base64 of JSON, or JSON. Keys in any case, enumerations by name or number, and
 * absent values as their zero, because every official client writes it differently.
 *
 * @throws {LocalError} BadRequest_CorruptedMessage
 */
export function parseQueueMessage(text: string): QueueMessage {
  const fields = objectFields(parseJson(text))
  const required = (key: string): string => {
    const value = fields.get(key)
    if (typeof value !== 'string' || value === '') throw corrupted(`it has no ${key}`)
    return value
  }
  const validation = fields.get('validationpolicy')
  return {
    id: textOr(fields.get('id'), UNKNOWN_MESSAGE.id),
    blobPath: required('blobpath'),
    database: required('databasename'),
    table: required('tablename'),
    // Absent means false: that is how Go writes it.
    retainBlobOnSuccess: isTrue(fields.get('retainblobonsuccess')),
    flushImmediately: isTrue(fields.get('flushimmediately')),
    reportLevel: enumOf(LEVELS, fields.get('reportlevel')),
    reportMethod: enumOf(METHODS, fields.get('reportmethod')),
    status: statusRow(fields.get('ingestionstatusintable')),
    properties: [
      ...objectEntries(fields.get('additionalproperties')),
      ...(validation === undefined || validation === null ? [] : [['validationPolicy', validation] as const]),
    ],
  }
}

function parseJson(text: string): unknown {
  const json = /^\s*\{/.test(text) ? text : Buffer.from(text, 'base64').toString('utf8')
  try {
    return JSON.parse(json) as unknown
  } catch (cause) {
    throw new LocalError('BadRequest_CorruptedMessage', 'the ingestion message is not JSON', { cause })
  }
}

function statusRow(value: unknown): StatusRow | undefined {
  if (value === undefined || value === null) return undefined
  const fields = objectFields(value)
  const tableUrl = textOr(fields.get('tableconnectionstring'), '')
  return tableUrl === ''
    ? undefined
    : {
        tableUrl,
        partitionKey: textOr(fields.get('partitionkey'), ''),
        rowKey: textOr(fields.get('rowkey'), ''),
      }
}

/** Fields of an object by lower-case name. */
export function objectFields(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw corrupted('it is not a JSON object')
  return new Map(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item as unknown]))
}

function objectEntries(value: unknown): readonly (readonly [string, unknown])[] {
  if (value === undefined || value === null) return []
  if (typeof value !== 'object' || Array.isArray(value)) throw corrupted('AdditionalProperties is not an object')
  return Object.entries(value)
}

function enumOf<const N extends string>(names: readonly N[], value: unknown): N {
  const index =
    typeof value === 'number'
      ? value
      : typeof value === 'string'
        ? names.findIndex((name) => name.toLowerCase() === value.toLowerCase())
        : 0
  const name = names[index]
  if (name === undefined) throw corrupted(`'${String(value)}' is none of ${names.join(', ')}`)
  return name
}

function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true')
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function corrupted(reason: string): LocalError {
  return new LocalError('BadRequest_CorruptedMessage', `the ingestion message cannot be used: ${reason}`)
}
