import { badOption } from '../base/check-options.ts'
import { badSpark, parseObject } from '../protocol/spark-options.ts'
import type { GivenSparkOptions } from '../protocol/spark-options.ts'
import type { WriteOptions } from './write-settings.ts'

type Properties = Pick<
  WriteOptions,
  | 'flushImmediately'
  | 'dropByTags'
  | 'ingestByTags'
  | 'additionalTags'
  | 'ingestIfNotExists'
  | 'creationTime'
  | 'ingestionMapping'
  | 'ingestionMappingReference'
>

const FIELDS = [
  'flushImmediately',
  'dropByTags',
  'ingestByTags',
  'additionalTags',
  'ingestIfNotExists',
  'creationTime',
  'csvMapping',
  'csvMappingNameReference',
]

/**
 * The eight fields of Spark's `sparkIngestionPropertiesJson`, whose null means absent.
 * @throws {KustoUsageError} KUSTO_BAD_SPARK_OPTION for another field, KUSTO_BAD_OPTION for a value
 */
export function sparkIngestionProperties(given: GivenSparkOptions): Properties {
  const json = given.get('sparkingestionpropertiesjson')
  if (json === undefined) return {}
  const fields = new Map<string, unknown>()
  for (const [name, value] of Object.entries(parseObject('sparkIngestionPropertiesJson', json))) {
    const field = FIELDS.find((each) => each.toLowerCase() === name.toLowerCase())
    if (field === undefined) {
      throw badSpark(`${FIELDS.join(', ')} in sparkIngestionPropertiesJson, found ${name}`)
    }
    if (value !== null) fields.set(field, value)
  }
  const mapping = fields.get('csvMapping')
  const flush = fields.get('flushImmediately')
  const created = fields.get('creationTime')
  return {
    ...(flush === undefined ? {} : { flushImmediately: flagOf(flush) }),
    ...tags(fields, 'dropByTags'),
    ...tags(fields, 'ingestByTags'),
    ...tags(fields, 'additionalTags'),
    ...tags(fields, 'ingestIfNotExists'),
    ...(created === undefined ? {} : { creationTime: instant(created) }),
    ...(mapping === undefined
      ? {}
      : { ingestionMapping: typeof mapping === 'string' ? mapping : JSON.stringify(mapping) }),
    ...reference(fields.get('csvMappingNameReference')),
  }
}

type TagField = 'dropByTags' | 'ingestByTags' | 'additionalTags' | 'ingestIfNotExists'

function tags(fields: ReadonlyMap<string, unknown>, name: TagField): Pick<WriteOptions, TagField> {
  const value = fields.get(name)
  if (value === undefined) return {}
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) {
    return value.length === 0 ? {} : { [name]: value }
  }
  throw badOption(`expected a list of texts as ${name} of sparkIngestionPropertiesJson`)
}

function reference(value: unknown): Pick<WriteOptions, 'ingestionMappingReference'> {
  if (value === undefined) return {}
  if (typeof value === 'string') return { ingestionMappingReference: value }
  throw badOption('expected a text as csvMappingNameReference of sparkIngestionPropertiesJson')
}

function flagOf(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw badOption('expected flushImmediately of sparkIngestionPropertiesJson to be true or false')
}

/** ISO 8601 text, or seconds since 1970 as Spark's JSON library writes instants. */
function instant(value: unknown): Date {
  const date = new Date(typeof value === 'number' ? value * 1000 : typeof value === 'string' ? value : NaN)
  if (!Number.isNaN(date.getTime())) return date
  throw badOption('expected creationTime of sparkIngestionPropertiesJson as ISO 8601 text')
}
