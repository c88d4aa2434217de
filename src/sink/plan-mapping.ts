import { checkText } from '../arrow/row-values.ts'
import { scalarNameOf } from '../arrow/scalar-types.ts'
import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'
import { KustoDataError } from '../errors.ts'
import { badMapping, mappedField } from '../protocol/ingestion-mapping.ts'
import type { IngestionColumnMapping, ResolvedMapping } from '../protocol/ingestion-mapping.ts'
import type { CreateMode, SchemaPlan } from './plan-schema.ts'
import { mismatch, tableNotFound, typeProblems } from './schema-problems.ts'
import type { SourceColumn } from './schema-problems.ts'

export interface MappingPlanInput {
  readonly table: string
  readonly source: readonly SourceColumn[]
  /** The table's columns; undefined when there is no such table. */
  readonly target: readonly KustoColumn[] | undefined
  readonly create: CreateMode
  readonly mapping: ResolvedMapping
}

/**
 * Decides what each column of the data is written as when a mapping says how it reaches the table. Columns that the
 * mapping leaves out are carried and not loaded.
 * @throws {KustoUsageError} KUSTO_BAD_MAPPING when the mapping names what the data or the table do not have,
 * KUSTO_SCHEMA_MISMATCH when types do not meet, KUSTO_TABLE_NOT_FOUND
 */
export function planMapping({ table, source, target, create, mapping }: MappingPlanInput): SchemaPlan {
  if (target === undefined && create === 'FailIfNotExist') throw tableNotFound(table)
  const uses = mapping.columns.map((element) => ({ element, at: sourceOf(element, mapping.format, source) }))
  const columns = target ?? uses.map(({ element, at }) => ({ name: element.column, type: typeOf(element, at, source) }))
  const byName = new Map(columns.map((column) => [column.name, column]))
  for (const element of mapping.columns) {
    const target = byName.get(element.column)
    if (target === undefined) {
      throw badMapping(`the mapping names column ${element.column}, which table ${table} does not have`)
    }
    // One that is stored may have forms of text that the service knows and this package does not.
    if (mapping.reference === undefined) checkConstant(element, target)
  }
  const targets = source.map(({ name, type }, index) => {
    const wanted = new Set(
      uses.flatMap(({ element, at }) =>
        at === index && element.transform === undefined ? [byName.get(element.column)?.type ?? type] : [],
      ),
    )
    if (wanted.size > 1) {
      throw badMapping(
        `column ${name} of the data goes to columns of types ${[...wanted].join(' and ')}: map it to one`,
      )
    }
    return { source: name, column: { name, type: [...wanted][0] ?? type } }
  })
  const problems = typeProblems(source, targets)
  if (problems.length > 0) throw mismatch(table, problems)
  const used = new Set(mapping.columns.map(({ column }) => column))
  return {
    create: target === undefined ? columns : undefined,
    add: [],
    targets,
    columns,
    empty: columns.map(({ name }) => name).filter((name) => !used.has(name)),
    isWhole: false,
    mapping,
    unmapped: source.map(({ name }) => name).filter((_, index) => !uses.some(({ at }) => at === index)),
  }
}

/** The service would make every row's value null, and say nothing. */
function checkConstant({ constValue, transform }: IngestionColumnMapping, { name, type }: KustoColumn): void {
  if (constValue === undefined || transform !== undefined) return
  try {
    checkText(constValue, type)
  } catch (error) {
    if (!(error instanceof KustoDataError)) throw error
    throw badMapping(`column ${name}: expected a constant of type ${type}, found ${JSON.stringify(constValue)}`)
  }
}

/** The position of the data's column that an element reads; undefined for a constant or what the service knows itself. */
function sourceOf(
  element: IngestionColumnMapping,
  format: ResolvedMapping['format'],
  source: readonly SourceColumn[],
): number | undefined {
  const { column, ordinal } = element
  if (format === 'csv') {
    if (ordinal === undefined || ordinal < source.length) return ordinal
    throw badMapping(`column ${column}: the mapping reads ordinal ${ordinal} of data with ${source.length} columns`)
  }
  const field = mappedField(element)
  if (field === undefined) return undefined
  const at = source.findIndex(({ name }) => name === field)
  if (at >= 0) return at
  throw badMapping(`column ${column}: the mapping reads ${field}, which is no column of the data`)
}

/** The type of a column that the mapping brings into a new table. */
function typeOf(
  { datatype, transform, column }: IngestionColumnMapping,
  at: number | undefined,
  source: readonly SourceColumn[],
): ScalarName {
  if (datatype !== undefined) {
    const type = scalarNameOf(datatype)
    if (type === undefined) throw badMapping(`column ${column}: expected a Kusto type, found ${datatype}`)
    return type
  }
  if (transform === 'SourceLineNumber') return 'long'
  if (transform?.startsWith('DateTimeFrom') === true) return 'datetime'
  return (at === undefined ? undefined : source[at]?.type) ?? 'string'
}
