import type { Catalog, TableEntry } from '../engine/catalog.ts'
import { parseDatetime } from '../kql/types.ts'
import { LocalError, notSupported } from '../server/local-error.ts'
import { FORMATS, type IngestFormat, type MappingKind, parseFormat } from './formats.ts'
import { type MappedColumn, parseMapping } from './mapping.ts'

/** Ingestion properties of a command, a queue message or a REST request. */
export interface IngestionProperties {
  readonly format?: IngestFormat
  /** JSON text of an inline mapping. */
  readonly mapping?: string
  readonly mappingReference?: string
  readonly ignoreFirstRecord: boolean
  /** Records with another number of fields are filled up or cut instead of refused. */
  readonly acceptRagged: boolean
  readonly tags: readonly string[]
  readonly ingestIfNotExists: readonly string[]
  /** datetime ticks of the extent. */
  readonly creationTicks?: bigint
}

/** Properties that change what ingestion does in ways the embedded Kusto does not have. Off is fine. */
const REFUSED = ['zippattern', 'treatgzasuncompressed', 'extend_schema', 'recreate_schema', 'ignorelastrecordifinvalid']

/** Properties without a meaning here: who asked, and how long the service may wait. */
const WITHOUT_EFFECT = ['authorizationcontext', 'ignoresizelimit']

/**
 * Reads ingestion properties; names in any case, values as JSON types or as the text of one.
 *
 * @throws {LocalError} BadRequest_NotSupportedByEmulator for a name that is not known, BadRequest_MalformedIngestionProperty
 * for a value that is not understood, BadRequest_DuplicateMapping for a mapping and a reference together
 */
export function parseIngestionProperties(entries: Iterable<readonly [string, unknown]>): IngestionProperties {
  const given = new Map<string, unknown>()
  for (const [name, value] of entries) {
    const key = name.toLowerCase()
    if (value === undefined || value === null || value === '') continue
    if (REFUSED.includes(key) && !isTrue(name, value)) continue
    if (!KNOWN.includes(key) && !WITHOUT_EFFECT.includes(key)) throw notSupported(`the ingestion property '${name}'`)
    given.set(key, value)
  }
  const text = (key: string): string | undefined => {
    const value = given.get(key)
    return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value)
  }
  const format = text('format')
  const mapping = text('ingestionmapping')
  const mappingReference = text('ingestionmappingreference') ?? text('mappingreference')
  const creation = text('creationtime')
  const kind = text('ingestionmappingtype') ?? text('ingestionmappingkind')
  if (mapping !== undefined && mappingReference !== undefined) {
    throw new LocalError('BadRequest_DuplicateMapping', 'a mapping and a mapping reference are given together')
  }
  const parsedFormat = format === undefined ? undefined : parseFormat(format)
  if (kind !== undefined && parsedFormat !== undefined) checkKind(kind, parsedFormat)
  const creationTicks = creation === undefined ? undefined : parseCreationTime(creation)
  return {
    ...(parsedFormat === undefined ? {} : { format: parsedFormat }),
    ...(mapping === undefined ? {} : { mapping }),
    ...(mappingReference === undefined ? {} : { mappingReference }),
    ignoreFirstRecord: given.has('ignorefirstrecord') && isTrue('ignoreFirstRecord', given.get('ignorefirstrecord')),
    acceptRagged: acceptsRagged(given.get('validationpolicy')),
    tags: textList('tags', given.get('tags')),
    ingestIfNotExists: textList('ingestIfNotExists', given.get('ingestifnotexists')),
    ...(creationTicks === undefined ? {} : { creationTicks }),
  }
}

const KNOWN = [
  'format',
  'ingestionmapping',
  'ingestionmappingreference',
  'mappingreference',
  'ingestionmappingtype',
  'ingestionmappingkind',
  'ignorefirstrecord',
  'creationtime',
  'validationpolicy',
  'tags',
  'ingestifnotexists',
]

/**
 * The mapping that the properties ask for, from their text or from the catalog.
 *
 * @throws {LocalError} BadRequest_MappingReferenceWasNotFound or BadRequest_InvalidMapping
 */
export function resolveMapping(
  catalog: Pick<Catalog, 'mapping'>,
  table: TableEntry,
  format: IngestFormat,
  properties: Pick<IngestionProperties, 'mapping' | 'mappingReference'>,
): readonly MappedColumn[] | undefined {
  const kind = FORMATS[format].mapping
  if (properties.mapping !== undefined) return parseMapping(properties.mapping, kind)
  const name = properties.mappingReference
  if (name === undefined) return undefined
  const stored = catalog.mapping(table.database, table.name, kind, name)
  if (stored === undefined) {
    throw new LocalError(
      'BadRequest_MappingReferenceWasNotFound',
      `the ${kind} mapping '${name}' of table '${table.name}' was not found`,
    )
  }
  return parseMapping(stored.mapping, kind)
}

function checkKind(kind: string, format: IngestFormat): void {
  const wanted: MappingKind = FORMATS[format].mapping
  if (kind.toLowerCase() !== wanted) {
    throw new LocalError(
      'BadRequest_InconsistentMapping',
      `a mapping of kind '${kind}' does not fit the format ${format}`,
    )
  }
}

function parseCreationTime(text: string): bigint | undefined {
  const ticks = parseDatetime(text)
  if (ticks === null) throw malformed('creationTime', text)
  // A client that knows no absent time sends the first moment of the calendar.
  return ticks === 0n ? undefined : ticks
}

/**
 * Records of unequal length fail an ingestion unless its policy says not to validate (ValidationOptions 0), to look at
 * columns only (2), or to do one's best (ValidationImplications 1).
 */
function acceptsRagged(value: unknown): boolean {
  if (value === undefined) return false
  const policy = typeof value === 'string' ? parseJson('validationPolicy', value) : value
  if (typeof policy !== 'object' || policy === null) throw malformed('validationPolicy', JSON.stringify(value))
  const fields = new Map(Object.entries(policy).map(([key, item]) => [key.toLowerCase(), item as unknown]))
  const options = enumValue(
    fields.get('validationoptions'),
    ['donotvalidate', 'validatecsvinputconstantcolumns', 'validatecsvinputcolumnlevelonly'],
    1,
  )
  const implications = enumValue(fields.get('validationimplications'), ['fail', 'besteffort'], 0)
  return options !== 1 || implications === 1
}

function enumValue(value: unknown, names: readonly string[], whenAbsent: number): number {
  if (value === undefined || value === null) return whenAbsent
  const index = typeof value === 'number' ? value : typeof value === 'string' ? names.indexOf(value.toLowerCase()) : -1
  if (names[index] === undefined) throw malformed('validationPolicy', JSON.stringify(value))
  return index
}

function textList(name: string, value: unknown): readonly string[] {
  if (value === undefined) return []
  // A text that is no JSON array is one item: that is what some clients send.
  const list =
    typeof value === 'string' && value.trimStart().startsWith('[')
      ? parseJson(name, value)
      : typeof value === 'string'
        ? [value]
        : value
  if (!Array.isArray(list) || !list.every((item): item is string => typeof item === 'string'))
    throw malformed(name, JSON.stringify(value))
  return list
}

function isTrue(name: string, value: unknown): boolean {
  const text = typeof value === 'boolean' ? String(value) : typeof value === 'string' ? value.toLowerCase() : ''
  if (text === 'true') return true
  if (text === 'false') return false
  // zipPattern is a text: to have one at all is to ask for it.
  if (REFUSED.includes(name.toLowerCase())) return true
  throw malformed(name, JSON.stringify(value))
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new LocalError('BadRequest_MalformedIngestionProperty', `the ingestion property '${name}' is not JSON`, {
      cause,
    })
  }
}

function malformed(name: string, value: string): LocalError {
  return new LocalError('BadRequest_MalformedIngestionProperty', `the ingestion property '${name}' cannot be ${value}`)
}
