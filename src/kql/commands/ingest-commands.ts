import { join, Kql, kql, name, text } from '../kql.ts'
import { propertyValue, storageString, withProperties } from './command-properties.ts'

/** Kinds of ingestion mappings. */
export type MappingKind = 'csv' | 'json' | 'avro' | 'parquet' | 'orc'

/** One column of an ingestion mapping. */
export interface ColumnMapping {
  readonly column: string
  readonly datatype?: string
  /** `Ordinal`, `Path`, `Field`, `ConstValue`, `Transform`. */
  readonly properties: Readonly<Record<string, string | number>>
}

/** The JSON text of a mapping, as commands and ingestion properties take it. */
export function mappingJson(columns: readonly ColumnMapping[]): string {
  return JSON.stringify(
    columns.map((column) => ({
      column: column.column,
      ...(column.datatype === undefined ? {} : { datatype: column.datatype }),
      Properties: column.properties,
    })),
  )
}

/** Creates or replaces a stored mapping. Columns: Name, Kind, Mapping, ... */
export function createIngestionMapping(
  table: string,
  mapping: { readonly name: string; readonly kind: MappingKind; readonly columns: readonly ColumnMapping[] },
): Kql {
  const json = text(mappingJson(mapping.columns))
  return kql`.create-or-alter table ${name(table)} ingestion ${Kql.raw(mapping.kind)} mapping ${text(mapping.name)} ${json}`
}

/** Columns: Name, Kind, Mapping, ... */
export function showIngestionMapping(
  table: string,
  mapping: { readonly name: string; readonly kind: MappingKind },
): Kql {
  return kql`.show table ${name(table)} ingestion ${Kql.raw(mapping.kind)} mapping ${text(mapping.name)}`
}

/** All mappings of a table, of every kind. Columns: Name, Kind, Mapping, ... */
export function showTableIngestionMappings(table: string): Kql {
  return kql`.show table ${name(table)} ingestion mappings`
}

/** All mappings of a database itself, of every kind. Columns: Name, Kind, Mapping, ... */
export function showDatabaseIngestionMappings(database: string): Kql {
  return kql`.show database ${name(database)} ingestion mappings`
}

export function dropIngestionMapping(
  table: string,
  mapping: { readonly name: string; readonly kind: MappingKind },
): Kql {
  return kql`.drop table ${name(table)} ingestion ${Kql.raw(mapping.kind)} mapping ${text(mapping.name)}`
}

export interface IngestIntoRequest {
  readonly table: string
  /** Storage connection strings of blobs, with their credentials. */
  readonly from: readonly string[]
  /** `format`, `ingestionMapping`, `tags`, ... as the service names them. */
  readonly properties?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Default false: the answer then is the result, not an operation id. */
  readonly async?: boolean
}

/** Loads blobs into a table at once, without queue and without retries. Columns: ExtentId, ItemLoaded, Duration, HasErrors, OperationId. */
export function ingestIntoCommand(request: IngestIntoRequest): Kql {
  const properties = Object.entries(request.properties ?? {})
  const options = withProperties(
    properties.map(([key, value]) => [key, value === undefined ? undefined : propertyValue(value)]),
  )
  const asyncWord = Kql.raw(request.async === true ? 'async ' : '')
  return kql`.ingest ${asyncWord}into table ${name(request.table)} (${join(request.from.map(storageString), ', ')})${options}`
}
