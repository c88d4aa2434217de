import { KustoUsageError } from '../errors.ts'

/** One column of an ingestion mapping: the table's column, and where its values come from. */
export interface IngestionColumnMapping {
  readonly column: string
  /** The column's Kusto type, for tables that the write creates. */
  readonly datatype?: string
  /** CSV: position of the data's column, from 0. */
  readonly ordinal?: number
  /** Parquet: `$.name` or `$['name']`. */
  readonly path?: string
  /** Parquet: the name of the data's column. */
  readonly field?: string
  /** The same value in every row. */
  readonly constValue?: string
  /** `SourceLocation`, `SourceLineNumber`, `DateTimeFromUnixSeconds` and others, as the service names them. */
  readonly transform?: string
}

/** A mapping as a list, or as the JSON text that the service's commands take, in any of its spellings. */
export type IngestionMapping = string | readonly IngestionColumnMapping[]

/** A mapping of the caller's choice, read: for which format, and whether the service has it under a name. */
export interface ResolvedMapping {
  readonly format: 'csv' | 'parquet'
  readonly columns: readonly IngestionColumnMapping[]
  /** The name of a stored mapping; undefined for one that goes along with every blob. */
  readonly reference: string | undefined
}

const PROPERTIES = ['ordinal', 'path', 'field', 'constvalue', 'transform']

/**
 * Reads a mapping and gives a frozen copy. Keys in any case, properties nested as the service documents them or beside
 * the column's name.
 * @throws {KustoUsageError} KUSTO_BAD_MAPPING naming the element; KUSTO_TWO_MAPPINGS when a reference is given too
 */
export function parseIngestionMapping(
  mapping: IngestionMapping,
  reference?: string,
): readonly IngestionColumnMapping[] {
  if (reference !== undefined) {
    throw new KustoUsageError('KUSTO_TWO_MAPPINGS', 'expected a mapping or a reference to one, found both')
  }
  const elements: unknown = typeof mapping === 'string' ? parsed(mapping) : mapping
  if (!Array.isArray(elements) || elements.length === 0) throw badMapping('expected a mapping of at least one column')
  const columns = elements.map(parseElement)
  const seen = new Set<string>()
  for (const { column } of columns) {
    if (seen.has(column)) throw badMapping(`expected every column once in the mapping, found ${column} twice`)
    seen.add(column)
  }
  return Object.freeze(columns)
}

/** The JSON text of a mapping, as messages and commands carry it. */
export function formatIngestionMapping(columns: readonly IngestionColumnMapping[]): string {
  return JSON.stringify(
    columns.map(({ column, datatype, ordinal, path, field, constValue, transform }) => ({
      Column: column,
      DataType: datatype,
      Properties: {
        Ordinal: ordinal === undefined ? undefined : String(ordinal),
        Path: path,
        Field: field,
        ConstValue: constValue,
        Transform: transform,
      },
    })),
  )
}

/** The format whose blobs a mapping describes; undefined when it has constants and transforms only. */
export function mappingFormat(columns: readonly IngestionColumnMapping[]): 'csv' | 'parquet' | undefined {
  if (columns.some(({ ordinal }) => ordinal !== undefined)) return 'csv'
  return columns.some(({ path, field }) => path !== undefined || field !== undefined) ? 'parquet' : undefined
}

/**
 * The data's column that a Parquet mapping reads: by field, or by a path of one step; undefined for a constant.
 * @throws {KustoUsageError} KUSTO_BAD_MAPPING for a path into a value, since nested values are written as JSON text
 */
export function mappedField({ column, path, field }: IngestionColumnMapping): string | undefined {
  if (field !== undefined || path === undefined) return field
  const step = /^\$\.([^.[\]]+)$/.exec(path)?.[1] ?? /^\$\[(?:'([^']+)'|"([^"]+)")\]$/.exec(path)?.slice(1).join('')
  if (step !== undefined && step !== '') return step
  throw badMapping(`column ${column}: expected a path of one step, such as $.name, found ${path}`)
}

function parseElement(element: unknown, index: number): IngestionColumnMapping {
  const outer = lowerKeys(element, `element ${index}`)
  const inner = outer.get('properties')
  const nested =
    inner === undefined || inner === null ? new Map<string, unknown>() : lowerKeys(inner, `element ${index}`)
  const column = outer.get('column') ?? outer.get('name')
  if (typeof column !== 'string' || column === '') throw badMapping(`element ${index}: expected the name of a column`)
  const known = ['column', 'name', 'datatype', 'csldatatype', 'properties', ...PROPERTIES]
  const odd = [...outer.keys(), ...nested.keys()].find((key) => !known.includes(key))
  if (odd !== undefined) throw badMapping(`column ${column}: expected ${PROPERTIES.join(', ')}, found ${odd}`)
  const textOf = (key: string): string | undefined => {
    const value = nested.get(key) ?? outer.get(key)
    if (value === undefined || value === null || value === '') return undefined
    return typeof value === 'string' ? value : JSON.stringify(value)
  }
  const datatype = textOf('datatype') ?? textOf('csldatatype')
  const ordinal = textOf('ordinal')
  if (ordinal !== undefined && !/^\d{1,6}$/.test(ordinal)) {
    throw badMapping(`column ${column}: expected an ordinal from 0, found ${ordinal}`)
  }
  const [path, field, constValue] = [textOf('path'), textOf('field'), textOf('constvalue')]
  const transform = textOf('transform')
  const sources = [ordinal, path, field, constValue].filter((source) => source !== undefined).length
  const ownSource = /^Source(Location|LineNumber)$/i.test(transform ?? '')
  if (sources > 1) throw badMapping(`column ${column}: expected one of ordinal, path, field and constValue`)
  if (sources === 0 && !ownSource) {
    throw badMapping(`column ${column}: expected one of ordinal, path, field and constValue, found none`)
  }
  if (sources === 1 && ownSource)
    throw badMapping(`column ${column}: ${transform ?? ''} takes no ordinal, path or field`)
  return Object.freeze({
    column,
    ...(datatype === undefined ? {} : { datatype }),
    ...(ordinal === undefined ? {} : { ordinal: Number(ordinal) }),
    ...(path === undefined ? {} : { path }),
    ...(field === undefined ? {} : { field }),
    ...(constValue === undefined ? {} : { constValue }),
    ...(transform === undefined || /^none$/i.test(transform) ? {} : { transform }),
  })
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw badMapping('expected the JSON of a mapping, found text that is not JSON')
  }
}

function lowerKeys(value: unknown, what: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badMapping(`${what}: expected an object`)
  return new Map(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item as unknown]))
}

export function badMapping(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_MAPPING', message)
}
