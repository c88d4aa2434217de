import { badStorage } from './own-storage.ts'
import type { OwnStorage } from './own-storage.ts'

/** Storage after the check: the service's, or a list of one kind. */
export type StorageSettings<Own extends OwnStorage> =
  | { readonly kind: 'service' }
  | { readonly kind: 'own'; readonly entries: readonly Own[] }

/** What a kind of entry may hold, and what it must; every value is text. */
export interface EntryShape {
  readonly names: readonly string[]
  readonly needed: readonly string[]
}

/** A container that is named by its URL alone. */
export const URL_SHAPE: EntryShape = { names: ['url'], needed: ['url'] }

/** A container that an identity of the service opens. */
export const IDENTITY_SHAPE: EntryShape = { names: ['url', 'identity'], needed: ['url'] }

/** The kinds that every storage option has, in the order in which messages name them. */
export const COMMON_SHAPES: Readonly<Record<'service' | 'account-key' | 'sas', EntryShape>> = {
  service: { names: [], needed: [] },
  'account-key': { names: ['account', 'url', 'container', 'key', 'endpointSuffix'], needed: ['key'] },
  sas: { names: ['url', 'sas'], needed: ['url'] },
}

/** An entry that is not the service's own storage. */
export type CallersEntry<E> = Exclude<E, { readonly kind: 'service' }>

/**
 * Checks a storage option, one entry or several of one kind, and has `own` make something of the caller's entries.
 * @throws {KustoUsageError} KUSTO_BAD_STORAGE for a kind, name or value that is not one of `shapes`, and for a place that is
 * named twice; KUSTO_BAD_STORAGE_URL
 */
export function storageSettings<E extends { readonly kind: string }, Own extends OwnStorage>(
  option: E | readonly E[],
  shapes: Readonly<Record<E['kind'], EntryShape>>,
  own: (entry: CallersEntry<E>) => Own,
): StorageSettings<Own> {
  const entries = storageEntries(option, shapes).filter(isCallers).map(own)
  checkDifferentPlaces(entries)
  return entries.length === 0 ? { kind: 'service' } : { kind: 'own', entries }
}

function isCallers<E extends { readonly kind: string }>(entry: E): entry is CallersEntry<E> {
  return entry.kind !== 'service'
}

/** The entries of an option, with known names and values of text. */
function storageEntries<E extends { readonly kind: string }>(
  option: E | readonly E[],
  shapes: Readonly<Record<E['kind'], EntryShape>>,
): readonly E[] {
  const entries: readonly E[] = isList(option) ? option : [option]
  for (const entry of entries) checkShape(entry, shapes)
  const kinds = [...new Set(entries.map((entry) => entry.kind))]
  if (kinds.length === 1) return entries
  throw badStorage(
    kinds.length === 0 ? 'at least one storage entry, found none' : `entries of one kind, found ${kinds.join(' and ')}`,
  )
}

function checkDifferentPlaces(places: readonly OwnStorage[]): void {
  const twice = places.find((place, at) => places.findIndex((other) => other.url === place.url) !== at)
  if (twice !== undefined) throw badStorage(`different places, found ${twice.url} twice`)
}

function checkShape(entry: unknown, shapes: Readonly<Record<string, EntryShape>>): void {
  const kind: unknown = typeof entry === 'object' && entry !== null && 'kind' in entry ? entry.kind : undefined
  const shape = typeof kind === 'string' && Object.hasOwn(shapes, kind) ? shapes[kind] : undefined
  if (shape === undefined) {
    throw badStorage(
      `a storage of kind ${Object.keys(shapes).join(', ')}, found ${typeof kind === 'string' ? kind : typeof kind}`,
    )
  }
  const given = new Map<string, unknown>(Object.entries(entry as object))
  for (const [name, value] of given) {
    if (name === 'kind') continue
    if (!shape.names.includes(name)) {
      throw badStorage(`names among ${shape.names.join(', ')} with ${String(kind)}, found ${name}`)
    }
    if (value !== undefined && typeof value !== 'string') throw badStorage(`${name} to be text, found ${typeof value}`)
  }
  const missing = shape.needed.find((name) => given.get(name) === undefined || given.get(name) === '')
  if (missing !== undefined) throw badStorage(`${missing} with ${String(kind)}, found none`)
}

function isList<E>(option: E | readonly E[]): option is readonly E[] {
  return Array.isArray(option)
}
