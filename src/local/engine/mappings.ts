import type { MappingRecord } from './catalog-state.ts'
import { badRequest, entityExists, entityNotFound } from './entity-errors.ts'

export const MAPPING_KINDS: readonly string[] = ['csv', 'json', 'avro', 'parquet', 'orc', 'w3clogfile']

const TRANSFORMS: ReadonlySet<string> = new Set([
  'propertybagarraytodictionary',
  'sourcelocation',
  'sourcelinenumber',
  'datetimefromunixseconds',
  'datetimefromunixmilliseconds',
  'datetimefromunixmicroseconds',
  'datetimefromunixnanoseconds',
  'dropmappedfields',
  'bytesasbase64',
])

const PROPERTY_KEYS: ReadonlySet<string> = new Set([
  'ordinal',
  'path',
  'field',
  'constvalue',
  'constantvalue',
  'transform',
  'storagedatatype',
])

const COLUMN_KEYS: ReadonlySet<string> = new Set(['column', 'name', 'datatype', 'properties', ...PROPERTY_KEYS])

/**
 * Checks the JSON of an ingestion mapping: today's form with `Properties`, or the older flat one. Keys are
 * case-insensitive.
 * @throws {LocalError} BadRequest when it is not a mapping of this kind
 */
export function checkMapping(kind: string, text: string): void {
  const elements = parseArray(text)
  if (elements.length === 0) throw badRequest('invalid mapping: it maps no column')
  const seen = new Set<string>()
  for (const [index, element] of elements.entries()) {
    const keys = fields(element, `element ${index}`)
    for (const key of keys.keys()) if (!COLUMN_KEYS.has(key)) throw invalid(index, `unknown key '${key}'`)
    const column = keys.get('column') ?? keys.get('name')
    if (typeof column !== 'string' || column === '') throw invalid(index, "expected a 'Column' name")
    if (seen.has(column)) throw invalid(index, `column '${column}' is mapped twice`)
    seen.add(column)
    checkProperties(kind, index, keys)
  }
}

function checkProperties(kind: string, index: number, keys: ReadonlyMap<string, unknown>): void {
  const nested = keys.get('properties')
  const all = nested === undefined || nested === null ? keys : fields(nested, `Properties of element ${index}`)
  for (const key of all.keys()) {
    if (all !== keys && !PROPERTY_KEYS.has(key)) throw invalid(index, `unknown property '${key}'`)
  }
  const given = (key: string): boolean => all.get(key) !== undefined && all.get(key) !== null && all.get(key) !== ''
  const transform = given('transform') ? String(all.get('transform')) : undefined
  if (transform !== undefined && !TRANSFORMS.has(transform.toLowerCase()) && transform.toLowerCase() !== 'none') {
    throw invalid(index, `unknown transform '${transform}'`)
  }
  const isConstant = given('constvalue') || given('constantvalue')
  const isSource = /^source(location|linenumber)$/i.test(transform ?? '')
  if (kind === 'csv') {
    if (given('ordinal') && !/^\d+$/.test(String(all.get('ordinal')))) throw invalid(index, 'Ordinal must be a number')
    if (!given('ordinal') && !isConstant && !isSource) throw invalid(index, 'expected Ordinal or ConstValue')
    return
  }
  const hasSource = given('path') || given('field')
  if (!hasSource && !isConstant && !isSource) throw invalid(index, 'expected Path, Field or ConstValue')
  if (kind === 'json' && given('field')) throw invalid(index, 'a json mapping takes Path, not Field')
}

function parseArray(text: string): readonly unknown[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw badRequest(`invalid mapping: expected a JSON array (${cause instanceof Error ? cause.message : ''})`)
  }
  if (!Array.isArray(parsed)) throw badRequest('invalid mapping: expected a JSON array')
  return parsed
}

function fields(value: unknown, what: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(`invalid mapping: expected ${what} to be an object`)
  }
  return new Map(Object.entries(value).map(([key, entry]) => [key.toLowerCase(), entry]))
}

function invalid(index: number, problem: string): Error {
  return badRequest(`invalid mapping, element ${index}: ${problem}`)
}

/** `create` refuses a name that exists, `alter` one that does not. */
export function putMapping(
  mappings: readonly MappingRecord[],
  record: MappingRecord,
  mode: 'create' | 'create-or-alter' | 'alter',
): readonly MappingRecord[] {
  const exists = mappings.some((mapping) => isMapping(mapping, record.kind, record.name))
  if (mode === 'create' && exists) throw entityExists('IngestionMapping', record.name)
  if (mode === 'alter' && !exists) throw entityNotFound('IngestionMapping', record.name)
  return [...mappings.filter((mapping) => !isMapping(mapping, record.kind, record.name)), record]
}

/** @throws {LocalError} BadRequest_EntityNotFound */
export function removeMapping(
  mappings: readonly MappingRecord[],
  kind: string,
  name: string,
): readonly MappingRecord[] {
  if (!mappings.some((mapping) => isMapping(mapping, kind, name))) throw entityNotFound('IngestionMapping', name)
  return mappings.filter((mapping) => !isMapping(mapping, kind, name))
}

/** A csv and a json mapping may have one name. */
export function isMapping(mapping: MappingRecord, kind: string, name: string): boolean {
  return mapping.kind === kind.toLowerCase() && mapping.name === name
}
