import { badOption, oneOf } from '../base/check-options.ts'
import { parseIngestionMapping } from '../protocol/ingestion-mapping.ts'
import type { IngestionColumnMapping, IngestionMapping } from '../protocol/ingestion-mapping.ts'

/** What the service does with CSV records whose number of fields differs from the first's. */
export interface ValidationPolicy {
  readonly options: 'DoNotValidate' | 'ValidateCsvInputConstantColumns' | 'ValidateCsvInputColumnLevelOnly'
  /** `Fail` refuses the blob, `BestEffort` takes what fits. */
  readonly implications: 'Fail' | 'BestEffort'
}

/** The mapping a caller chose instead of the one a write makes. */
export type MappingChoice =
  | { readonly kind: 'inline'; readonly columns: readonly IngestionColumnMapping[] }
  | { readonly kind: 'reference'; readonly name: string }

const VALIDATION_OPTIONS: readonly ValidationPolicy['options'][] = [
  'DoNotValidate',
  'ValidateCsvInputConstantColumns',
  'ValidateCsvInputColumnLevelOnly',
]
const VALIDATION_IMPLICATIONS: readonly ValidationPolicy['implications'][] = ['Fail', 'BestEffort']

/** Numbers of the wire for the names of {@link ValidationPolicy}. */
export function validationPolicyJson({ options, implications }: ValidationPolicy): string {
  return JSON.stringify({
    ValidationOptions: VALIDATION_OPTIONS.indexOf(options),
    ValidationImplications: VALIDATION_IMPLICATIONS.indexOf(implications),
  })
}

/** A copy of a policy, checked. @throws {KustoUsageError} KUSTO_BAD_OPTION */
export function checkedValidationPolicy(policy: ValidationPolicy): ValidationPolicy {
  return Object.freeze({
    options: oneOf('validationPolicy.options', policy.options, VALIDATION_OPTIONS),
    implications: oneOf('validationPolicy.implications', policy.implications, VALIDATION_IMPLICATIONS),
  })
}

/** A copy of a list of tags. @throws {KustoUsageError} KUSTO_BAD_OPTION for an empty one, or one with the prefix that is added here */
export function checkedTags(
  name: string,
  tags: readonly string[] | undefined,
  prefix?: 'drop-by:' | 'ingest-by:',
): readonly string[] {
  if (tags === undefined) return []
  if (!Array.isArray(tags)) throw badOption(`expected ${name} to be a list of texts, found ${typeof tags}`)
  return Object.freeze(
    tags.map((tag: unknown) => {
      if (typeof tag !== 'string' || tag === '') throw badOption(`expected texts in ${name}, found ${shown(tag)}`)
      if (prefix !== undefined && tag.startsWith(prefix)) {
        throw badOption(`expected tags without the prefix ${prefix} in ${name}, found ${tag}`)
      }
      return tag
    }),
  )
}

/** A copy of the moment, for a Date can be changed. @throws {KustoUsageError} KUSTO_BAD_OPTION for an invalid or future one */
export function checkedCreationTime(date: Date | undefined): Date | undefined {
  if (date === undefined) return undefined
  if (!(date instanceof Date)) throw badOption(`expected creationTime to be a Date, found ${typeof date}`)
  const ms = date.getTime()
  if (Number.isNaN(ms)) throw badOption('expected creationTime to be a date, found an invalid one')
  if (ms > Date.now()) throw badOption(`expected creationTime in the past, found ${date.toISOString()}`)
  return new Date(ms)
}

/**
 * The caller's mapping, copied.
 * @throws {KustoUsageError} KUSTO_TWO_MAPPINGS for a mapping and a reference, KUSTO_BAD_MAPPING for a malformed one
 */
export function checkedMapping(
  mapping: IngestionMapping | undefined,
  reference: string | undefined,
): MappingChoice | undefined {
  if (mapping === undefined && reference === undefined) return undefined
  if (mapping === undefined) {
    if (typeof reference !== 'string' || reference.trim() === '') {
      throw badOption('expected ingestionMappingReference to be the name of a mapping, found none')
    }
    return Object.freeze({ kind: 'reference', name: reference })
  }
  return Object.freeze({ kind: 'inline', columns: parseIngestionMapping(mapping, reference) })
}

/** The name Spark's connector gives to a column of blob URLs. */
export const SOURCE_LOCATION_COLUMN = 'ingestion_source_location_url_blob_internal'

/** The name of a column of blob URLs; undefined for none. */
export function checkedSourceLocation(column: boolean | string | undefined): string | undefined {
  if (column === undefined || column === false) return undefined
  if (column === true) return SOURCE_LOCATION_COLUMN
  if (typeof column === 'string' && column !== '') return column
  throw badOption(`expected sourceLocationColumn to be true or the name of a column, found ${shown(column)}`)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : typeof value
}
