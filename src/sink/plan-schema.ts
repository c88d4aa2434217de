import type { KustoColumn } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'
import type { ResolvedMapping } from '../protocol/ingestion-mapping.ts'
import { mismatch, tableNotFound, typeProblems } from './schema-problems.ts'
import type { ColumnTarget, SourceColumn } from './schema-problems.ts'

/** What happens when the target table does not exist. */
export type CreateMode = 'FailIfNotExist' | 'CreateIfNotExist'

/**
 * How source columns meet table columns.
 * `ByName` by exact name; a column only the table has stays empty, a column only the source has is an error.
 * `GenerateDynamicCsvMapping` is the Spark connector's name for `ByName`.
 * `NoAdjustment` by position. `FailIfNotMatch` demands the same names, order and types.
 * `AddColumns` is `ByName`, and columns only the source has are added to the table.
 */
export type AdjustSchema = 'ByName' | 'NoAdjustment' | 'FailIfNotMatch' | 'GenerateDynamicCsvMapping' | 'AddColumns'

export interface SchemaPlan {
  /** Columns of the table to create; undefined when the table exists. */
  readonly create: readonly KustoColumn[] | undefined
  /** Columns to add to the existing table. */
  readonly add: readonly KustoColumn[]
  readonly targets: readonly ColumnTarget[]
  /** All columns that the table has in the end, in its order. */
  readonly columns: readonly KustoColumn[]
  /** Table columns that this write leaves empty. */
  readonly empty: readonly string[]
  /** Whether the targets are the table's columns, all of them and in its order: then fields need no mapping. */
  readonly isWhole: boolean
  /** The column that gets the URL of the blob, if any. */
  readonly sourceLocation?: string
  /** The caller's mapping, which then decides what reaches the table. */
  readonly mapping?: ResolvedMapping
  /** Columns of the data that the caller's mapping leaves out. */
  readonly unmapped?: readonly string[]
}

export interface SchemaPlanInput {
  readonly table: string
  readonly source: readonly SourceColumn[]
  /** The table's columns; undefined when there is no such table. */
  readonly target: readonly KustoColumn[] | undefined
  readonly create: CreateMode
  readonly adjustSchema: AdjustSchema
  /** A string column of the table, not of the data, that gets the URL of the blob. */
  readonly sourceLocation?: string | undefined
}

/**
 * Decides which columns are created, added, mapped and left empty.
 * @throws {KustoUsageError} KUSTO_TABLE_NOT_FOUND, KUSTO_SCHEMA_MISMATCH (the message shows every difference)
 */
export function planSchema(input: SchemaPlanInput): SchemaPlan {
  const { sourceLocation, source, target, table } = input
  if (sourceLocation === undefined || source.length === 0) return planColumns(input)
  if (source.some(({ name }) => name === sourceLocation)) {
    throw mismatch(table, [
      `column ${sourceLocation} is to get the URL of the blob, and the data have one of that name`,
    ])
  }
  const column: KustoColumn = { name: sourceLocation, type: 'string' }
  const existing = target?.find(({ name }) => name === sourceLocation)
  if (existing !== undefined && existing.type !== 'string') {
    throw mismatch(table, [
      `column ${sourceLocation}: expected a string for the URL of the blob, found ${existing.type}`,
    ])
  }
  const plan = planColumns({ ...input, target: target?.filter(({ name }) => name !== sourceLocation) })
  const isMissing = target !== undefined && existing === undefined
  if (isMissing && input.adjustSchema !== 'AddColumns') throw mismatch(table, [unknownColumn(column, target)])
  return {
    ...plan,
    create: plan.create === undefined ? undefined : [...plan.create, column],
    add: isMissing ? [...plan.add, column] : plan.add,
    columns: existing === undefined ? [...plan.columns, column] : [...(target ?? []), ...plan.add],
    isWhole: false,
    sourceLocation,
  }
}

function planColumns(input: SchemaPlanInput): SchemaPlan {
  const { table, source, target } = input
  if (source.length === 0) {
    // No columns come with no rows, of which a table that is there already has no lack.
    if (target !== undefined) return planned([], target)
    throw new KustoUsageError('KUSTO_NO_COLUMNS', `expected at least one column to write to ${table}, found none`)
  }
  if (target === undefined) {
    if (input.create === 'FailIfNotExist') throw tableNotFound(table)
    const columns = source.map(({ name, type }) => ({ name, type }))
    return {
      ...planned(
        columns.map((column) => ({ source: column.name, column })),
        columns,
      ),
      create: columns,
    }
  }
  return input.adjustSchema === 'NoAdjustment' || input.adjustSchema === 'FailIfNotMatch'
    ? byPosition(input, target)
    : byName(input, target)
}

function byName({ table, source, adjustSchema }: SchemaPlanInput, target: readonly KustoColumn[]): SchemaPlan {
  const columns = new Map(target.map((column) => [column.name, column]))
  const unknown = source.filter((column) => !columns.has(column.name))
  const add = adjustSchema === 'AddColumns' ? unknown.map(({ name, type }) => ({ name, type })) : []
  const problems = adjustSchema === 'AddColumns' ? [] : unknown.map((column) => unknownColumn(column, target))
  const targets = source.map(({ name, type }) => ({ source: name, column: columns.get(name) ?? { name, type } }))
  problems.push(...typeProblems(source, targets))
  if (problems.length > 0) throw mismatch(table, problems)
  return { ...planned(targets, [...target, ...add]), add }
}

function byPosition({ table, source, adjustSchema }: SchemaPlanInput, target: readonly KustoColumn[]): SchemaPlan {
  const exact = adjustSchema === 'FailIfNotMatch'
  const problems: string[] = []
  if (source.length > target.length || (exact && source.length !== target.length)) {
    problems.push(`expected ${target.length} columns, found ${source.length}`)
  }
  const targets = source.map(({ name, type }, index) => ({ source: name, column: target[index] ?? { name, type } }))
  if (exact) {
    problems.push(
      ...source.flatMap((column, index) => {
        const wanted = target[index]
        if (wanted === undefined || (wanted.name === column.name && wanted.type === column.type)) return []
        return [`column ${index}: expected ${show(wanted)}, found ${show(column)}`]
      }),
    )
  } else {
    problems.push(...typeProblems(source, targets))
  }
  if (problems.length > 0) throw mismatch(table, problems)
  return planned(targets, target)
}

/** The plan for targets among the columns that the table has in the end. */
function planned(targets: readonly ColumnTarget[], table: readonly KustoColumn[]): SchemaPlan {
  const written = new Set(targets.map(({ column }) => column.name))
  return {
    create: undefined,
    add: [],
    targets,
    columns: table,
    empty: table.map(({ name }) => name).filter((name) => !written.has(name)),
    isWhole: targets.length === table.length && targets.every(({ column }, at) => column.name === table[at]?.name),
  }
}

function unknownColumn(column: KustoColumn, target: readonly KustoColumn[]): string {
  const near = target.find((candidate) => candidate.name.toLowerCase() === column.name.toLowerCase())
  const hint = near === undefined ? '' : ` (names are case-sensitive: the table has ${near.name})`
  return `column ${show(column)} is not in the table${hint}`
}

const show = (column: KustoColumn): string => `${column.name}:${column.type}`
