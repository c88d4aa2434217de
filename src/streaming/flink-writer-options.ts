import { KustoUsageError } from '../errors.ts'
import type { KustoConnectorTarget, WriterFromFlink } from './flink-result.ts'
import type { AtLeastOnceWriterOptions } from './writer-settings.ts'

/** Options of Flink's Kusto sink, by the names of its builders, with or without `set` and `with` before them. */
export type FlinkOptions = Readonly<Record<string, unknown>>

type Draft = { -readonly [Name in keyof AtLeastOnceWriterOptions]: AtLeastOnceWriterOptions[Name] }

interface Reading {
  readonly writer: Draft
  readonly target: { -readonly [Name in keyof KustoConnectorTarget]: KustoConnectorTarget[Name] }
  readonly secrets: Map<string, string>
  readonly notes: string[]
  table: string | undefined
  guarantee: string
  polls: boolean
}

type Reader = (reading: Reading, value: unknown, name: string) => void

const ignored =
  (note: string): Reader =>
  ({ notes }, _value, name) =>
    void notes.push(`${name}: ${note}`)

/** Keyed by the name in lower case, without `set`, `with` and `get`. */
const READERS = new Map<string, { readonly name: string; readonly read: Reader }>(
  (
    [
      ['ClusterUrl', ({ target }, value, name) => void (target.cluster = engineUrl(textOf(name, value)))],
      ['Database', ({ target }, value, name) => void (target.database = textOf(name, value))],
      ['Table', (reading, value, name) => void (reading.table = textOf(name, value))],
      ['AppId', ({ secrets }, value, name) => void secrets.set('appid', textOf(name, value))],
      ['AppKey', ({ secrets }, value, name) => void secrets.set('appkey', textOf(name, value))],
      ['TenantId', ({ secrets }, value, name) => void secrets.set('tenantid', textOf(name, value))],
      [
        'ManagedIdentityAppId',
        refused('give the connector credential: new ManagedIdentityCredential(...) of @azure/identity'),
      ],
      [
        'ManagedIdentity',
        refused('give the connector credential: new ManagedIdentityCredential(...) of @azure/identity'),
      ],
      ['AzCliAuth', refused('give the connector credential: new AzureCliCredential() of @azure/identity')],
      [
        'BatchIntervalMs',
        ({ writer, notes }, value, name) => readInterval({ writer, notes }, wholeOf(name, value, -1), name),
      ],
      ['BatchSize', ({ writer, notes }, value, name) => readSize({ writer, notes }, wholeOf(name, value, -1), name)],
      [
        'ClientBatchSizeLimit',
        ({ writer, notes }, value, name) => {
          const bytes = wholeOf(name, value, 1)
          if (bytes < 1_048_576) {
            throw badFlink(`${name} in bytes, as Flink's code has it and its documentation does not, found ${bytes}`)
          }
          writer.maxBatchBytes = Math.min(bytes, MAX_BATCH_BYTES)
          writer.maxBufferedBytes = Math.max(4 * writer.maxBatchBytes, 268_435_456)
          notes.push(`${name}: bytes of Arrow data that end a batch; Flink cuts CSV there, in the middle of a row`)
        },
      ],
      ['PollForIngestionStatus', (reading, value, name) => void (reading.polls = flagOf(name, value))],
      ['PollTimeoutMs', ({ writer }, value, name) => void (writer.completionTimeoutMs = wholeOf(name, value, 1))],
      ['PollIntervalMs', ignored('states are asked for at growing intervals')],
      ['DeliveryGuarantee', (reading, value, name) => void (reading.guarantee = textOf(name, value))],
      [
        'IngestionMappingRef',
        ({ writer }, value, name) => void (writer.ingestionMappingReference = textOf(name, value)),
      ],
      ['FlushImmediately', ({ writer }, value, name) => void (writer.flushImmediately = flagOf(name, value))],
      ['IngestByTags', ({ writer }, value, name) => void (writer.ingestByTags = textsOf(name, value))],
      ['AdditionalTags', ({ writer }, value, name) => void (writer.additionalTags = textsOf(name, value))],
      ['RetryOptions', ignored('requests are repeated as docs/writing.md says')],
      ['MaxAttempts', ignored('requests are repeated as docs/writing.md says')],
      ['BaseIntervalMillis', ignored('requests are repeated as docs/writing.md says')],
      ['MaxIntervalMillis', ignored('requests are repeated as docs/writing.md says')],
      ['CacheExpirationSeconds', ignored('containers are asked for again before their signatures end')],
    ] satisfies readonly (readonly [string, Reader])[]
  ).map(([name, read]) => [name.toLowerCase(), { name, read }]),
)

/** Flink's blobs go up to 300 MB; a blob is encoded in memory. */
const MAX_BATCH_BYTES = 1_073_741_824

/**
 * Turns the options of a job with Flink's Kusto sink into those of the connector and of a writer. Every option is taken, or refused
 * with what to do instead; what means something else here is in `notes`. Flink's `EXACTLY_ONCE` duplicates rows after a restart;
 * ours needs a log: then `exactlyOnce` is true, and the writer wants `delivery: 'exactly-once'` and `log`.
 * @throws {KustoUsageError} KUSTO_BAD_FLINK_OPTION
 */
export function writerOptionsFromFlink(options: FlinkOptions): WriterFromFlink {
  const reading: Reading = {
    writer: {},
    target: {},
    secrets: new Map(),
    notes: [],
    table: undefined,
    guarantee: 'AT_LEAST_ONCE',
    polls: false,
  }
  const seen = new Set<string>()
  for (const [name, value] of flatten(options)) {
    if (value === undefined) continue
    const key = name.toLowerCase().replace(/^(set|with|get)/, '')
    const reader = READERS.get(key)
    if (reader === undefined) throw badFlink(`an option of Flink's sink, found ${name}; did you mean ${nearest(key)}?`)
    if (seen.has(key)) throw badFlink(`${name} once, found it twice`)
    seen.add(key)
    reader.read(reading, value, reader.name)
  }
  const { writer, notes, table, polls } = reading
  const guarantee = reading.guarantee.toUpperCase().replaceAll('-', '_')
  if (!['NONE', 'AT_LEAST_ONCE', 'EXACTLY_ONCE'].includes(guarantee)) {
    throw badFlink(`DeliveryGuarantee NONE, AT_LEAST_ONCE or EXACTLY_ONCE, found ${reading.guarantee}`)
  }
  if (!polls && guarantee !== 'EXACTLY_ONCE') {
    notes.push(
      'PollForIngestionStatus: off, so a batch that the service refuses later is not noticed; acknowledge: ingested notices it',
    )
  }
  const exactlyOnce = guarantee === 'EXACTLY_ONCE'
  if (exactlyOnce)
    notes.push("DeliveryGuarantee: Flink repeats rows after a restart; here give delivery: 'exactly-once' and a log")
  return {
    connector: { ...reading.target, ...credentialOf(reading) },
    table,
    exactlyOnce,
    notes,
    writer: {
      ...writer,
      adjustSchema: 'NoAdjustment',
      ...(exactlyOnce ? {} : { delivery: guarantee === 'NONE' ? 'none' : 'at-least-once' }),
      ...(polls && !exactlyOnce ? { acknowledge: 'ingested' } : {}),
      ...(writer.ingestionMappingReference === undefined ? {} : { adjustSchema: undefined }),
    },
  } as WriterFromFlink
}

function readInterval({ writer, notes }: Pick<Reading, 'writer' | 'notes'>, ms: number, name: string): void {
  if (ms === -1) {
    writer.maxBatchAgeMs = 86_400_000
    notes.push(`${name}: -1 holds rows back without end; here a day at most`)
    return
  }
  writer.maxBatchAgeMs = Math.max(1, ms)
  notes.push(`${name}: counted from the oldest row, not from the last batch, and kept when no more rows come`)
}

function readSize({ writer, notes }: Pick<Reading, 'writer' | 'notes'>, rows: number, name: string): void {
  if (rows === -1) writer.maxBatchRows = 1_000_000_000
  else writer.maxBatchRows = Math.max(1, rows)
  if (rows > 0 && rows < 10_000) notes.push(`${name}: ${rows} rows make small blobs, and those many small extents`)
}

function credentialOf({ secrets, target }: Reading): { readonly connectionString?: string } {
  const [appId, appKey, tenant] = ['appid', 'appkey', 'tenantid'].map((name) => secrets.get(name))
  if (appId === undefined && appKey === undefined && tenant === undefined) return {}
  if (appId === undefined || appKey === undefined || tenant === undefined) {
    throw badFlink('AppId, AppKey and TenantId together, found not all of them')
  }
  if (target.cluster === undefined) throw badFlink('ClusterUrl with AppId, found none')
  const parts = {
    'Data Source': target.cluster,
    'Application Client Id': appId,
    'Application Key': appKey,
    'Authority Id': tenant,
  }
  return {
    connectionString: Object.entries(parts)
      .map(([name, value]) => `${name}=${quoted(value)}`)
      .join(';'),
  }
}

const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`

/** Flink puts `ingest-` before whatever it is given, twice if need be. */
function engineUrl(url: string): string {
  return url.replace(/^(https?:\/\/)(ingest-)+/i, '$1')
}

/** Nested objects are builders of their own: `RetryOptions`, `ConnectionOptions`, `WriteOptions`. */
function* flatten(options: FlinkOptions): Generator<readonly [string, unknown]> {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) yield* flatten(value as FlinkOptions)
    else yield [name, value]
  }
}

function refused(instead: string): Reader {
  return (_reading, _value, name) => {
    throw badFlink(`no option ${name}: ${instead}`)
  }
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw badFlink(`${name} to be a text, found ${typeof value}`)
}

function textsOf(name: string, value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map((each) => textOf(name, each)) : [textOf(name, value)]
}

function flagOf(name: string, value: unknown): boolean {
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw badFlink(`${name} to be true or false, found ${String(value)}`)
}

function wholeOf(name: string, value: unknown, least: number): number {
  const number = typeof value === 'string' ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= least) return number
  throw badFlink(`${name} to be a whole number from ${least}, found ${String(value)}`)
}

function nearest(key: string): string {
  const names = [...READERS.values()].map(({ name }) => name)
  const shared = (name: string): number => {
    const other = name.toLowerCase()
    let common = 0
    for (let at = 0; at + 2 <= key.length; at++) if (other.includes(key.slice(at, at + 2))) common++
    return common / Math.max(key.length, other.length)
  }
  return names.reduce((best, name) => (shared(name) > shared(best) ? name : best))
}

function badFlink(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_FLINK_OPTION', `expected ${message}`)
}
