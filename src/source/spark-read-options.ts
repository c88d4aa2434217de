import { badOption } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import type { Kql } from '../kql/kql.ts'
import type { ExportCompression, ReadOptions } from './read-settings.ts'
import { sparkAuth } from './spark-read-auth.ts'
import { SPARK_REFUSED, SPARK_SINK_OPTIONS, SPARK_SOURCE_OPTIONS } from './spark-read-names.ts'
import { sparkQuery } from './spark-read-query.ts'
import { sparkSchema } from './spark-read-schema.ts'
import { legacyStorage, lowerCaseKeys, parseObject, sparkStorage } from './spark-read-storage.ts'

/** An options map of a Spark job, as `spark.read.options(...)` takes it. */
export type SparkOptions = Readonly<Record<string, string | number | boolean | undefined>>

/** The part of the connector's options that Spark's options say. */
export interface SparkConnectorOptions {
  readonly cluster: string
  readonly database: string
  readonly ingestionCluster?: string
  readonly credential?: string
  readonly connectionString?: string
}

export interface SparkRead {
  /** For `new KustoConnector(...)`. */
  readonly connector: SparkConnectorOptions
  /** For `kusto.read(query, read)`. */
  readonly query: Kql
  readonly read: ReadOptions
}

/** How long a kept export lives where Spark's cache has no end. */
const TRANSIENT_CACHE_MS = 3_600_000

/**
 * Turns the options of an existing Spark job that reads Kusto into ours. Names in any case.
 * @throws {KustoUsageError} KUSTO_BAD_SPARK_OPTION for a name that is not known (with the nearest one that is), or that
 * has no counterpart (with what to do instead); KUSTO_BAD_OPTION for a value
 */
export function readOptionsFromSpark(options: SparkOptions): SparkRead {
  const given = checkedOptions(options)
  const requestProperties = parseObject('clientRequestPropertiesJson', given.get('clientrequestpropertiesjson') ?? '{}')
  const database = required(given, 'kustoDatabase')
  const cluster = clusterUrl(required(given, 'kustoCluster'))
  const ingestion = given.get('kustoingestionuri')
  return {
    connector: {
      cluster,
      database,
      ...(ingestion === undefined ? {} : { ingestionCluster: ingestion }),
      ...sparkAuth(given, { cluster, database }),
    },
    query: sparkQuery(required(given, 'kustoQuery'), queryParameters(requestProperties)),
    read: readOptions(given, requestProperties),
  }
}

function readOptions(
  given: ReadonlyMap<string, string>,
  requestProperties: Readonly<Record<string, unknown>>,
): ReadOptions {
  const timeoutMs = seconds(given.get('timeoutlimit'))
  const requestId = given.get('requestid') ?? textOf(requestProperties, 'ClientRequestId')
  const storageJson = given.get('transientstorage')
  const legacy = legacyStorage(given)
  if (storageJson !== undefined && legacy !== undefined)
    throw badOption('expected transientStorage or blobStorage options, found both')
  const storage = storageJson === undefined ? legacy : sparkStorage(storageJson)
  const schema = given.get('customschema')
  const pushDown = bool(given, 'queryFilterPushDown')
  storageProtocol(given.get('storageprotocol'))
  return {
    mode: mode(given.get('readmode')),
    ...(pushDown === undefined ? {} : { pushDown }),
    ...(bool(given, 'distributedReadModeTransientCache') === true ? { cache: { ttlMs: TRANSIENT_CACHE_MS } } : {}),
    ...(storage === undefined ? {} : { storage }),
    ...exportOptions(given.get('kustoexportoptionsjson')),
    ...properties(requestProperties),
    ...(requestId === undefined ? {} : { requestId }),
    ...(timeoutMs === undefined ? {} : { timeoutMs, exportTimeoutMs: Math.min(timeoutMs, 172_800_000) }),
    ...(schema === undefined ? {} : { schema: sparkSchema(schema) }),
    ...partitions(given),
  }
}

/** Names in lower case, values as text; every name known, none refused. */
function checkedOptions(options: SparkOptions): ReadonlyMap<string, string> {
  const given = new Map<string, string>()
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const key = name.toLowerCase()
    const instead = SPARK_REFUSED.get(key)
    if (instead !== undefined) throw badSpark(`no option ${name}: ${instead}`)
    if (SPARK_SINK_OPTIONS.some((each) => each.toLowerCase() === key)) {
      throw badSpark(`options of reading, found ${name}, which is one of writing`)
    }
    if (!SPARK_SOURCE_OPTIONS.some((each) => each.toLowerCase() === key)) {
      throw badSpark(`an option of the Spark source, found ${name}; did you mean ${nearest(key)}?`)
    }
    if (given.has(key)) throw badSpark(`${name} once, found it twice`)
    given.set(key, String(value))
  }
  return given
}

function required(given: ReadonlyMap<string, string>, name: string): string {
  const value = given.get(name.toLowerCase())
  if (value !== undefined && value.trim() !== '') return value
  throw badSpark(`${name}, found none`)
}

/** A URL, or the alias in front of `.kusto.windows.net`. */
function clusterUrl(text: string): string {
  const cluster = text.trim().toLowerCase()
  if (/^https?:\/\//.test(cluster)) return cluster
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)?$/.test(cluster)) return `https://${cluster}.kusto.windows.net`
  if (/^[a-z0-9-]+(\.[a-z0-9-]+){2,}$/.test(cluster)) return `https://${cluster}`
  throw badOption(`expected a URL or an alias in kustoCluster, found ${text}`)
}

function mode(text: string | undefined): 'auto' | 'single' | 'distributed' {
  switch (text?.toLowerCase()) {
    case undefined:
      return 'auto'
    case 'forcesinglemode':
      return 'single'
    case 'forcedistributedmode':
      return 'distributed'
    default:
      throw badOption(`expected readMode ForceSingleMode or ForceDistributedMode, found ${text ?? ''}`)
  }
}

function storageProtocol(text: string | undefined): void {
  // Blobs are read over https whatever the scheme of the URL.
  if (text === undefined || ['wasbs', 'abfs', 'abfss'].includes(text.toLowerCase())) return
  throw badOption(`expected storageProtocol wasbs, abfs or abfss, found ${text}`)
}

const COMPRESSIONS: readonly string[] = ['snappy', 'gzip', 'lz4_raw', 'brotli', 'zstd']

/** `sizeLimit` in MB, `compressed: none`, and the export's own properties. */
function exportOptions(json: string | undefined): Pick<ReadOptions, 'compression' | 'sizeLimit' | 'distribution'> {
  let read: Pick<ReadOptions, 'compression' | 'sizeLimit' | 'distribution'> = {}
  let isPlain = false
  for (const [key, value] of json === undefined ? [] : lowerCaseKeys(parseObject('kustoExportOptionsJson', json))) {
    const text = String(value)
    switch (key) {
      case 'compressiontype':
        if (!COMPRESSIONS.includes(text))
          throw badOption(`expected compressionType ${COMPRESSIONS.join(', ')}, found ${text}`)
        read = { ...read, compression: text as ExportCompression }
        break
      case 'compressed':
        isPlain = text.toLowerCase() === 'none'
        break
      case 'sizelimit':
        if (!/^[1-9]\d*$/.test(text)) throw badOption(`expected sizeLimit as whole MB, found ${text}`)
        read = { ...read, sizeLimit: Number(text) * 1024 * 1024 }
        break
      case 'distribution':
        if (text !== 'single' && text !== 'per_node' && text !== 'per_shard') {
          throw badOption(`expected distribution single, per_node or per_shard, found ${text}`)
        }
        read = { ...read, distribution: text }
        break
      case 'parquetdatetimeprecision':
        if (text !== 'microsecond') throw badOption(`expected parquetDatetimePrecision microsecond, found ${text}`)
        break
      default:
        throw badSpark(
          `compressionType, compressed, sizeLimit, distribution or parquetDatetimePrecision in kustoExportOptionsJson, ` +
            `found ${key}: leave it out, the connector sees to it`,
        )
    }
  }
  return isPlain ? { ...read, compression: 'none' } : read
}

function properties(given: Readonly<Record<string, unknown>>): Pick<ReadOptions, 'properties'> {
  for (const key of Object.keys(given)) {
    if (!['options', 'parameters', 'clientrequestid'].includes(key.toLowerCase())) {
      throw badSpark(`Options and Parameters in clientRequestPropertiesJson, found ${key}`)
    }
  }
  const options = lowerCaseKeys(given).get('options')
  if (options === undefined || options === null) return {}
  if (typeof options !== 'object') throw badOption('expected an object as Options of clientRequestPropertiesJson')
  return { properties: { ...options } }
}

function queryParameters(given: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const parameters = lowerCaseKeys(given).get('parameters')
  if (parameters === undefined || parameters === null) return new Map()
  if (typeof parameters !== 'object') throw badOption('expected an object as Parameters of clientRequestPropertiesJson')
  return new Map(Object.entries(parameters).map(([name, value]) => [name, String(value)]))
}

function partitions(given: ReadonlyMap<string, string>): Pick<ReadOptions, 'partitions' | 'partitionBy'> {
  const [count, by, column] = ['numpartitions', 'partitionmode', 'partitioncolumn'].map((name) => given.get(name))
  if (by !== undefined && by.toLowerCase() !== 'hash') throw badOption(`expected partitionMode hash, found ${by}`)
  if (count !== undefined && !/^[1-9]\d*$/.test(count)) {
    throw badOption(`expected numPartitions as a whole number, found ${count}`)
  }
  return {
    ...(count === undefined ? {} : { partitions: Number(count) }),
    ...(column === undefined ? {} : { partitionBy: { kind: 'hash', column } }),
  }
}

/** Negative waits forever. */
function seconds(text: string | undefined): number | undefined {
  if (text === undefined || /^-\d+$/.test(text)) return undefined
  if (!/^[1-9]\d*$/.test(text)) throw badOption(`expected timeoutLimit in whole seconds, found ${text}`)
  return Math.min(Number(text) * 1000, 2_147_483_647)
}

function bool(given: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const text = given.get(name.toLowerCase())?.toLowerCase()
  if (text === undefined || text === 'true' || text === 'false') return text === undefined ? undefined : text === 'true'
  throw badOption(`expected ${name} true or false, found ${text}`)
}

function textOf(given: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = lowerCaseKeys(given).get(name.toLowerCase())
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The known name with the fewest letters to change. */
function nearest(key: string): string {
  const byDistance = SPARK_SOURCE_OPTIONS.map((name) => ({ name, edits: distance(key, name.toLowerCase()) }))
  return byDistance.reduce((best, next) => (next.edits < best.edits ? next : best)).name
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const change = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

function badSpark(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_SPARK_OPTION', `expected ${message}`)
}
