import { LocalError, notSupported } from '../server/local-error.ts'
import type { MappingKind } from './formats.ts'

const TRANSFORMS = [
  'PropertyBagArrayToDictionary',
  'SourceLocation',
  'SourceLineNumber',
  'DateTimeFromUnixSeconds',
  'DateTimeFromUnixMilliseconds',
  'DateTimeFromUnixMicroseconds',
  'DateTimeFromUnixNanoseconds',
  'DropMappedFields',
] as const

/** What is done to a field on its way into its column. */
export type Transform = (typeof TRANSFORMS)[number]

/** One element of an ingestion mapping. */
export interface MappedColumn {
  readonly column: string
  readonly ordinal?: number
  readonly path?: string
  readonly field?: string
  readonly constValue?: string
  readonly transform?: Transform
}

/** Properties that the mappings of a kind may have. */
const PROPERTIES: Readonly<Record<MappingKind, readonly string[]>> = {
  csv: ['ordinal', 'constvalue', 'transform'],
  json: ['path', 'constvalue', 'transform'],
  parquet: ['path', 'field', 'constvalue', 'transform'],
}

/** Transforms that the delimited formats know. */
const CSV_TRANSFORMS: readonly Transform[] = [
  'SourceLocation',
  'SourceLineNumber',
  'DateTimeFromUnixSeconds',
  'DateTimeFromUnixMilliseconds',
  'DateTimeFromUnixMicroseconds',
  'DateTimeFromUnixNanoseconds',
]

const DATA_TYPES =
  /^(bool|boolean|int|long|real|double|decimal|string|datetime|date|timespan|time|guid|uuid|uniqueid|dynamic|int32|int64|)$/i

/**
 * Parses the JSON array of an ingestion mapping, in the documented form or the older flat one.
 *
 * @throws {LocalError} BadRequest_InvalidMapping when it is malformed or names a property or transform its kind lacks
 */
export function parseMapping(text: string, kind: MappingKind): readonly MappedColumn[] {
  const elements = parseArray(text)
  const columns = elements.map((element, index) => parseElement(element, kind, index))
  const names = new Set<string>()
  for (const { column } of columns) {
    if (names.has(column)) throw invalid(`the column '${column}' is mapped twice`)
    names.add(column)
  }
  if (columns.length === 0) throw invalid('the mapping is empty')
  return columns
}

function parseArray(text: string): readonly unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LocalError('BadRequest_InvalidMapping', 'the mapping is not JSON', { cause })
  }
  if (!Array.isArray(value)) throw invalid('the mapping is not an array')
  return value
}

function parseElement(element: unknown, kind: MappingKind, index: number): MappedColumn {
  const outer = lowerKeys(element, index)
  const nested = outer.get('properties')
  const inner = nested === undefined || nested === null ? new Map<string, unknown>() : lowerKeys(nested, index)
  const column = textOf(outer.get('column') ?? outer.get('name'))
  if (column === undefined || column === '') throw invalid(`element ${index} names no column`)
  const dataType = textOf(outer.get('datatype') ?? outer.get('csldatatype'))
  if (dataType !== undefined && !DATA_TYPES.test(dataType.replace(/^System\./i, ''))) {
    throw invalid(`column '${column}' has the unknown data type '${dataType}'`)
  }
  const known = ['column', 'name', 'datatype', 'csldatatype', 'properties']
  const given = new Map<string, string>()
  for (const [key, value] of [...[...outer].filter(([name]) => !known.includes(name)), ...inner]) {
    const text = textOf(value)
    if (text === undefined) continue
    if (!PROPERTIES[kind].includes(key)) throw invalid(`column '${column}': a ${kind} mapping has no property '${key}'`)
    given.set(key, text)
  }
  return checked({ column, ...propertiesOf(column, given) }, kind)
}

function propertiesOf(column: string, given: ReadonlyMap<string, string>): Omit<MappedColumn, 'column'> {
  const [ordinal, path, field] = [given.get('ordinal'), given.get('path'), given.get('field')]
  const [constValue, transform] = [given.get('constvalue'), given.get('transform')]
  if (ordinal !== undefined && ordinal !== '' && !/^\d{1,6}$/.test(ordinal))
    throw invalid(`column '${column}' has the ordinal '${ordinal}'`)
  return {
    ...(ordinal === undefined || ordinal === '' ? {} : { ordinal: Number(ordinal) }),
    ...(path === undefined || path === '' ? {} : { path }),
    ...(field === undefined || field === '' ? {} : { field }),
    ...(constValue === undefined ? {} : { constValue }),
    ...(transform === undefined || transform === '' || /^none$/i.test(transform)
      ? {}
      : { transform: parseTransform(transform) }),
  }
}

function checked(mapped: MappedColumn, kind: MappingKind): MappedColumn {
  const { column, transform, constValue } = mapped
  // A path that is no path is a constant.
  if (kind === 'json' && mapped.path !== undefined && !mapped.path.startsWith('$')) {
    return { column, constValue: mapped.path, ...(transform === undefined ? {} : { transform }) }
  }
  const sources = [mapped.ordinal, mapped.path, mapped.field, constValue].filter((value) => value !== undefined).length
  const ownSource = transform === 'SourceLocation' || transform === 'SourceLineNumber'
  if (sources > 1) throw invalid(`column '${column}' has more than one source`)
  if (sources === 1 && ownSource && kind === 'csv')
    throw invalid(`column '${column}': ${transform} takes no ordinal and no constant`)
  if (sources === 0 && !ownSource) throw invalid(`column '${column}' has no source`)
  if (kind === 'csv' && transform !== undefined && !CSV_TRANSFORMS.includes(transform)) {
    throw invalid(`column '${column}': the transform ${transform} does not apply to delimited formats`)
  }
  return mapped
}

function parseTransform(text: string): Transform {
  if (/^bytesasbase64$/i.test(text)) throw notSupported('the mapping transform BytesAsBase64')
  const found = TRANSFORMS.find((transform) => transform.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw invalid(`unknown transform '${text}'`)
  return found
}

function lowerKeys(value: unknown, index: number): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`element ${index} is not an object`)
  return new Map(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]))
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  return JSON.stringify(value)
}

function invalid(message: string): LocalError {
  return new LocalError('BadRequest_InvalidMapping', message)
}
