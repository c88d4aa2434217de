import { badOption } from '../base/check-options.ts'
import type { Kql } from '../kql/kql.ts'
import { SPARK_SINK_OPTIONS, SPARK_SOURCE_OPTIONS } from '../protocol/spark-names.ts'
import {
  badSpark,
  givenSparkOptions,
  parseObject,
  requiredSparkOption,
  sparkConnector,
  sparkFlag,
  sparkSeconds,
} from '../protocol/spark-options.ts'
import type { SparkConnectorOptions, SparkOptions } from '../protocol/spark-options.ts'
import type { ExportCompression, ReadOptions } from './read-settings.ts'
import { sparkQuery } from './spark-read-query.ts'
import { sparkSchema } from './spark-read-schema.ts'
import { legacyStorage, lowerCaseKeys, sparkStorage } from './spark-read-storage.ts'

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
  const given = givenSparkOptions(options, { side: 'source', known: SPARK_SOURCE_OPTIONS, others: SPARK_SINK_OPTIONS })
  const requestProperties = parseObject('clientRequestPropertiesJson', given.get('clientrequestpropertiesjson') ?? '{}')
  return {
    connector: sparkConnector(given),
    query: sparkQuery(requiredSparkOption(given, 'kustoQuery'), queryParameters(requestProperties)),
    read: readOptions(given, requestProperties),
  }
}

function readOptions(
  given: ReadonlyMap<string, string>,
  requestProperties: Readonly<Record<string, unknown>>,
): ReadOptions {
  const timeoutMs = sparkSeconds(given, 'timeoutLimit')
  const requestId = given.get('requestid') ?? textOf(requestProperties, 'ClientRequestId')
  const storageJson = given.get('transientstorage')
  const legacy = legacyStorage(given)
  if (storageJson !== undefined && legacy !== undefined)
    throw badOption('expected transientStorage or blobStorage options, found both')
  const storage = storageJson === undefined ? legacy : sparkStorage(storageJson)
  const schema = given.get('customschema')
  const pushDown = sparkFlag(given, 'queryFilterPushDown')
  storageProtocol(given.get('storageprotocol'))
  return {
    mode: mode(given.get('readmode')),
    ...(pushDown === undefined ? {} : { pushDown }),
    ...(sparkFlag(given, 'distributedReadModeTransientCache') === true ? { cache: { ttlMs: TRANSIENT_CACHE_MS } } : {}),
    ...(storage === undefined ? {} : { storage }),
    ...exportOptions(given.get('kustoexportoptionsjson')),
    ...properties(requestProperties),
    ...(requestId === undefined ? {} : { requestId }),
    ...(timeoutMs === undefined ? {} : { timeoutMs, exportTimeoutMs: Math.min(timeoutMs, 172_800_000) }),
    ...(schema === undefined ? {} : { schema: sparkSchema(schema) }),
    ...partitions(given),
  }
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

function textOf(given: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = lowerCaseKeys(given).get(name.toLowerCase())
  return typeof value === 'string' && value !== '' ? value : undefined
}
