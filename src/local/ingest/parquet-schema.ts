import type { DuckSession } from '../engine/duck.ts'
import { quoteText } from '../kql/sql.ts'
import { LocalError } from '../server/local-error.ts'

/** What the type table of the service tells apart. Fields that it does not list are `other`. */
export type ParquetKind =
  | 'integer'
  | 'uint64'
  | 'float'
  | 'boolean'
  | 'decimal-int'
  | 'decimal-flba'
  | 'decimal-binary'
  | 'timestamp'
  | 'string'
  | 'uuid'
  | 'json'
  | 'list'
  | 'map'
  | 'struct'
  | 'other'

/** A field of a Parquet file. */
export interface ParquetField {
  readonly name: string
  readonly kind: ParquetKind
  /** Physical and logical type as the file says it, for messages. */
  readonly description: string
  readonly children: readonly ParquetField[]
}

interface SchemaRow {
  readonly name: string
  readonly physical: string
  readonly children: number
  readonly converted: string
  readonly logical: string
}

/**
 * Reads the fields of a Parquet file from its footer.
 *
 * @throws {LocalError} BadRequest_InvalidBlob when the file is no Parquet
 */
export async function readParquetFields(session: DuckSession, file: string): Promise<readonly ParquetField[]> {
  let rows: readonly (readonly unknown[])[]
  try {
    rows = await session.rows(
      `SELECT name, type, num_children, converted_type, logical_type FROM parquet_schema(${quoteText(file)})`,
    )
  } catch (cause) {
    throw new LocalError('BadRequest_InvalidBlob', 'the data is not a readable Parquet file', { cause })
  }
  const flat = rows.map(([name, type, children, converted, logical]) => ({
    name: text(name),
    physical: text(type),
    children: Number(children ?? 0),
    converted: text(converted),
    logical: text(logical),
  }))
  return takeChildren(flat, 0).field.children
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The rows are the schema tree, depth first. */
function takeChildren(rows: readonly SchemaRow[], at: number): { readonly field: ParquetField; readonly next: number } {
  const row = rows[at]
  if (row === undefined) throw new LocalError('BadRequest_InvalidBlob', 'the schema of the Parquet file is cut short')
  const children: ParquetField[] = []
  let next = at + 1
  for (let index = 0; index < row.children; index++) {
    const child = takeChildren(rows, next)
    children.push(child.field)
    next = child.next
  }
  const description = [row.physical, row.logical === '' ? row.converted : row.logical]
    .filter((part) => part !== '')
    .join(' ')
  return {
    field: { name: row.name, kind: kindOf(row), description: description === '' ? 'group' : description, children },
    next,
  }
}

function kindOf({ physical, children, converted, logical }: SchemaRow): ParquetKind {
  const annotation = `${converted} ${logical}`
  if (children > 0 || physical === '') {
    if (/\bMAP/.test(converted) || logical.startsWith('MapType')) return 'map'
    return /\bLIST/.test(converted) || logical.startsWith('ListType') ? 'list' : 'struct'
  }
  if (/DECIMAL|DecimalType/.test(annotation)) {
    if (physical.startsWith('INT')) return 'decimal-int'
    return physical === 'FIXED_LEN_BYTE_ARRAY' ? 'decimal-flba' : 'decimal-binary'
  }
  if (/TIMESTAMP|TimestampType|\bDATE\b|DateType/.test(annotation)) return 'timestamp'
  if (/TIME|TimeType|INTERVAL|BSON|ENUM|EnumType|Float16|FLOAT16/.test(annotation)) return 'other'
  if (/JSON|JsonType/.test(annotation)) return 'json'
  if (/UUID/.test(annotation)) return 'uuid'
  if (/UTF8|StringType/.test(annotation)) return 'string'
  if (/UINT_64|IntType\(bitWidth=64, isSigned=(0|false)/.test(annotation)) return 'uint64'
  switch (physical) {
    case 'INT32':
    case 'INT64':
      return 'integer'
    case 'FLOAT':
    case 'DOUBLE':
      return 'float'
    case 'BOOLEAN':
      return 'boolean'
    default:
      return 'other'
  }
}
