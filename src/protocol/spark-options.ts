import { badOption } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import { sparkAuth } from './spark-auth.ts'
import { SPARK_REFUSED } from './spark-names.ts'

/** An options map of a Spark job, as `spark.read.options(...)` and `df.write.options(...)` take it. */
export type SparkOptions = Readonly<Record<string, string | number | boolean | undefined>>

/** The part of the connector's options that Spark's options say. */
export interface SparkConnectorOptions {
  readonly cluster: string
  readonly database: string
  readonly ingestionCluster?: string
  readonly credential?: string
  readonly connectionString?: string
}

/** Options by name in lower case, values as text. */
export type GivenSparkOptions = ReadonlyMap<string, string>

export interface SparkNames {
  /** What the options are for: `source` or `sink`. */
  readonly side: 'source' | 'sink'
  /** Names that are understood, as the documentation writes them. */
  readonly known: readonly string[]
  /** Names of the other side. */
  readonly others: readonly string[]
}

/**
 * Names in lower case, values as text; every name known, none refused.
 * @throws {KustoUsageError} KUSTO_BAD_SPARK_OPTION with the nearest name, or with what to do instead
 */
export function givenSparkOptions(options: SparkOptions, { side, known, others }: SparkNames): GivenSparkOptions {
  const given = new Map<string, string>()
  const verbs = side === 'source' ? ['reading', 'writing'] : ['writing', 'reading']
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const key = name.toLowerCase()
    const instead = SPARK_REFUSED.get(key)
    if (instead !== undefined) throw badSpark(`no option ${name}: ${instead}`)
    if (!known.some((each) => each.toLowerCase() === key)) {
      if (others.some((each) => each.toLowerCase() === key)) {
        throw badSpark(`options of ${verbs[0] ?? ''}, found ${name}, which is one of ${verbs[1] ?? ''}`)
      }
      throw badSpark(`an option of the Spark ${side}, found ${name}; did you mean ${nearest(key, known)}?`)
    }
    if (given.has(key)) throw badSpark(`${name} once, found it twice`)
    given.set(key, String(value))
  }
  return given
}

/** Cluster, database, ingestion endpoint and identity. @throws {KustoUsageError} KUSTO_BAD_SPARK_OPTION, KUSTO_BAD_OPTION, KUSTO_BAD_CREDENTIAL */
export function sparkConnector(given: GivenSparkOptions): SparkConnectorOptions {
  const database = requiredSparkOption(given, 'kustoDatabase')
  const cluster = clusterUrl(requiredSparkOption(given, 'kustoCluster'))
  const ingestion = given.get('kustoingestionuri')
  return {
    cluster,
    database,
    ...(ingestion === undefined ? {} : { ingestionCluster: ingestion }),
    ...sparkAuth(given, { cluster, database }),
  }
}

export function requiredSparkOption(given: GivenSparkOptions, name: string): string {
  const value = given.get(name.toLowerCase())
  if (value !== undefined && value.trim() !== '') return value
  throw badSpark(`${name}, found none`)
}

/** `true` or `false` in any case; undefined when it is not given. */
export function sparkFlag(given: GivenSparkOptions, name: string): boolean | undefined {
  const text = given.get(name.toLowerCase())?.toLowerCase()
  if (text === undefined || text === 'true' || text === 'false') return text === undefined ? undefined : text === 'true'
  throw badOption(`expected ${name} true or false, found ${text}`)
}

/** One of a list of words, in any case, as the list writes it. */
export function sparkChoice<T extends string>(
  given: GivenSparkOptions,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = given.get(name.toLowerCase())
  if (text === undefined) return undefined
  const found = choices.find((choice) => choice.toLowerCase() === text.trim().toLowerCase())
  if (found !== undefined) return found
  throw badOption(`expected ${name} ${choices.join(', ')}, found ${text}`)
}

/** Seconds as milliseconds, of at most 24 days; undefined when negative, which waits forever, or not given. */
export function sparkSeconds(given: GivenSparkOptions, name: string): number | undefined {
  const text = given.get(name.toLowerCase())
  if (text === undefined || /^-\d+$/.test(text)) return undefined
  if (!/^[1-9]\d*$/.test(text)) throw badOption(`expected ${name} in whole seconds, found ${text}`)
  return Math.min(Number(text) * 1000, 2_147_483_647)
}

/** @throws {KustoUsageError} KUSTO_BAD_OPTION when the text is no JSON object */
export function parseObject(option: string, json: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    value = undefined
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw badOption(`expected a JSON object in ${option}, found something else`)
}

export function badSpark(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_SPARK_OPTION', `expected ${message}`)
}

/** A URL, or the alias in front of `.kusto.windows.net`. */
function clusterUrl(text: string): string {
  const cluster = text.trim().toLowerCase()
  if (/^https?:\/\//.test(cluster)) return cluster
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)?$/.test(cluster)) return `https://${cluster}.kusto.windows.net`
  if (/^[a-z0-9-]+(\.[a-z0-9-]+){2,}$/.test(cluster)) return `https://${cluster}`
  throw badOption(`expected a URL or an alias in kustoCluster, found ${text}`)
}

/** The known name with the fewest letters to change. */
function nearest(key: string, known: readonly string[]): string {
  const byDistance = known.map((name) => ({ name, edits: distance(key, name.toLowerCase()) }))
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
