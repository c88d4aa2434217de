import { randomUUID } from 'node:crypto'
import { EXTENT_COLUMN, physicalColumnName, physicalTableName } from './catalog-sql.ts'
import { quoteText } from '../kql/sql.ts'
import type { ColumnRecord, TableRecord } from './catalog-state.ts'
import type { DuckSession } from './duck.ts'
import { badRequest } from './entity-errors.ts'

/** A batch of rows that came in together and moves and goes together. */
export interface Extent {
  /** Value of `_extent` in the rows. */
  readonly ordinal: bigint
  readonly extentId: string
  readonly tableId: number
  /** datetime ticks. */
  readonly createdMin: bigint
  readonly createdMax: bigint
  /** datetime ticks; null when the table's IngestionTime policy was off. */
  readonly ingested: bigint | null
  readonly rowCount: bigint
  /** Bytes of the values: what the writer stated, else fixed widths plus UTF-8 bytes of texts. Nothing is compressed. */
  readonly size: bigint
  readonly tags: readonly string[]
}

export interface TagCondition {
  /** `has` compares whole tags, `contains` looks for a part and ignores case. */
  readonly operator: 'has' | '!has' | 'contains' | '!contains'
  readonly tag: string
}

export interface ExtentFilter {
  readonly tableIds?: readonly number[]
  readonly extentIds?: readonly string[]
  readonly tags?: readonly TagCondition[]
  /** datetime ticks, inclusive. */
  readonly createdFrom?: bigint | undefined
  readonly createdTo?: bigint | undefined
}

export const NO_EXTENT = '00000000-0000-0000-0000-000000000000'

/** Extents in order of their ordinals, that is of their ingestion. */
export async function readExtents(session: DuckSession, filter: ExtentFilter): Promise<readonly Extent[]> {
  const conditions = ['TRUE']
  if (filter.tableIds !== undefined) conditions.push(`table_id IN (${[...filter.tableIds, -1].join(', ')})`)
  if (filter.createdFrom !== undefined) conditions.push(`created_max >= ${filter.createdFrom}`)
  if (filter.createdTo !== undefined) conditions.push(`created_max <= ${filter.createdTo}`)
  const rows = await session.rows(
    'SELECT ordinal, extent_id::VARCHAR, table_id, created_min, created_max, ingested, row_count, size,' +
      ` to_json(tags)::VARCHAR FROM catalog.extents WHERE ${conditions.join(' AND ')} ORDER BY ordinal`,
  )
  const ids = filter.extentIds === undefined ? undefined : new Set(filter.extentIds.map((id) => id.toLowerCase()))
  return rows
    .map(extentFromRow)
    .filter((extent) => ids === undefined || ids.has(extent.extentId))
    .filter((extent) => (filter.tags ?? []).every((condition) => matchesTags(extent.tags, condition)))
}

function extentFromRow(row: readonly unknown[]): Extent {
  const [ordinal, extentId, tableId, createdMin, createdMax, ingested, rowCount, size, tags] = row
  const parsed: unknown = JSON.parse(String(tags))
  return {
    ordinal: bigintOf(ordinal),
    extentId: String(extentId),
    tableId: Number(tableId),
    createdMin: bigintOf(createdMin),
    createdMax: bigintOf(createdMax),
    ingested: ingested === null ? null : bigintOf(ingested),
    rowCount: bigintOf(rowCount),
    size: bigintOf(size),
    tags: Array.isArray(parsed) ? parsed.map(String) : [],
  }
}

function bigintOf(value: unknown): bigint {
  if (typeof value !== 'bigint') throw new TypeError(`expected a BIGINT, found ${typeof value}`)
  return value
}

function matchesTags(tags: readonly string[], { operator, tag }: TagCondition): boolean {
  const contains = (candidate: string): boolean => candidate.toLowerCase().includes(tag.toLowerCase())
  switch (operator) {
    case 'has':
      return tags.includes(tag)
    case '!has':
      return !tags.includes(tag)
    case 'contains':
      return tags.some(contains)
    case '!contains':
      return !tags.some(contains)
  }
}

export interface NewExtent {
  readonly table: TableRecord
  readonly ordinal: bigint
  /** Gives one column per table column, in table order, in the internal representation. */
  readonly select: string
  readonly tags: readonly string[]
  readonly createdTicks: bigint
  readonly ingestedTicks: bigint | null
  readonly originalSize?: number | undefined
}

/** Appends the rows of `select` as one extent; undefined when there are none. Must run inside a transaction. */
export async function appendExtent(session: DuckSession, extent: NewExtent): Promise<Extent | undefined> {
  const { table, ordinal } = extent
  const target = physicalTableName(table.id)
  const names = table.columns.map(({ id }) => physicalColumnName(id))
  const source = table.columns.map((_, index) => `s${index}`)
  const values = table.columns.map(({ type }, index) => (type === 'string' ? `coalesce(s${index}, '')` : `s${index}`))
  const inserted = await session.rows(
    `INSERT INTO ${target} (${[...names, EXTENT_COLUMN].join(', ')})` +
      ` SELECT ${[...values, ordinal].join(', ')} FROM (${extent.select}) AS source(${source.join(', ')})`,
  )
  const rowCount = bigintOf(inserted[0]?.[0])
  if (rowCount === 0n) return undefined
  const stored: Extent = {
    ordinal,
    extentId: randomUUID(),
    tableId: table.id,
    createdMin: extent.createdTicks,
    createdMax: extent.createdTicks,
    ingested: extent.ingestedTicks,
    rowCount,
    size:
      extent.originalSize === undefined
        ? await measure(session, table, ordinal, rowCount)
        : BigInt(Math.round(extent.originalSize)),
    tags: [...new Set(extent.tags)],
  }
  await session.run(`INSERT INTO catalog.extents VALUES (${extentValues(stored)})`)
  return stored
}

/** How many bytes a value of a fixed-width type has. */
const WIDTHS: ReadonlyMap<string, number> = new Map([
  ['bool', 1],
  ['int', 4],
  ['long', 8],
  ['real', 8],
  ['decimal', 16],
  ['datetime', 8],
  ['timespan', 8],
  ['guid', 16],
])

async function measure(session: DuckSession, table: TableRecord, ordinal: bigint, rows: bigint): Promise<bigint> {
  const fixed = table.columns.reduce((sum, { type }) => sum + (WIDTHS.get(type) ?? 0), 0)
  const texts = table.columns
    .filter(({ type }) => !WIDTHS.has(type))
    .map(({ id }) => `coalesce(sum(strlen(${physicalColumnName(id)})), 0)`)
  if (texts.length === 0) return BigInt(fixed) * rows
  const sizes = await session.rows(
    `SELECT (${texts.join(' + ')})::BIGINT FROM ${physicalTableName(table.id)} WHERE ${EXTENT_COLUMN} = ${ordinal}`,
  )
  return BigInt(fixed) * rows + bigintOf(sizes[0]?.[0])
}

function extentValues(extent: Extent): string {
  return [
    extent.ordinal,
    quoteText(extent.extentId),
    extent.tableId,
    extent.createdMin,
    extent.createdMax,
    extent.ingested ?? 'NULL',
    extent.rowCount,
    extent.size,
    tagList(extent.tags),
  ].join(', ')
}

function tagList(tags: readonly string[]): string {
  return `[${tags.map(quoteText).join(', ')}]::VARCHAR[]`
}

/**
 * Moves whole extents into another table and gives them new ids. Must run inside a transaction.
 * @throws {LocalError} General_BadRequest when a source column is not in the target with the same type
 */
export async function moveExtents(
  session: DuckSession,
  extents: readonly Extent[],
  source: TableRecord,
  target: TableRecord,
  newIngestedTicks: bigint | undefined,
): Promise<readonly Extent[]> {
  const pairs = matchColumns(source, target)
  if (extents.length === 0) return []
  const ordinals = extents.map(({ ordinal }) => ordinal).join(', ')
  if (source.id !== target.id) {
    const into = [...pairs.map(([, to]) => physicalColumnName(to.id)), EXTENT_COLUMN].join(', ')
    const from = [...pairs.map(([column]) => physicalColumnName(column.id)), EXTENT_COLUMN].join(', ')
    const rows = `FROM ${physicalTableName(source.id)} WHERE ${EXTENT_COLUMN} IN (${ordinals})`
    await session.run(`INSERT INTO ${physicalTableName(target.id)} (${into}) SELECT ${from} ${rows}`)
    await session.run(`DELETE ${rows}`)
  }
  const moved = extents.map((extent) => ({
    ...extent,
    extentId: randomUUID(),
    tableId: target.id,
    ingested: newIngestedTicks ?? extent.ingested,
  }))
  await replaceRecords(session, moved)
  return moved
}

function matchColumns(source: TableRecord, target: TableRecord): readonly (readonly [ColumnRecord, ColumnRecord])[] {
  return source.columns.map((column) => {
    const match = target.columns.find(({ name, type }) => name === column.name && type === column.type)
    if (match === undefined) {
      throw badRequest(
        `extents cannot move from table '${source.name}' to '${target.name}': column '${column.name}' of type` +
          ` ${column.type} has no counterpart`,
      )
    }
    return [column, match] as const
  })
}

/** Gives the extents other tags, and new ids. Must run inside a transaction. */
export async function retagExtents(
  session: DuckSession,
  changes: readonly { readonly extent: Extent; readonly tags: readonly string[] }[],
): Promise<readonly Extent[]> {
  const retagged = changes.map(({ extent, tags }) => ({ ...extent, extentId: randomUUID(), tags: [...new Set(tags)] }))
  await replaceRecords(session, retagged)
  return retagged
}

/** Deletes extents and their rows. Must run inside a transaction. */
export async function dropExtents(session: DuckSession, extents: readonly Extent[]): Promise<void> {
  const byTable = new Map<number, bigint[]>()
  for (const { tableId, ordinal } of extents) byTable.set(tableId, [...(byTable.get(tableId) ?? []), ordinal])
  for (const [tableId, ordinals] of byTable) {
    const list = ordinals.join(', ')
    await session.run(`DELETE FROM ${physicalTableName(tableId)} WHERE ${EXTENT_COLUMN} IN (${list})`)
    await session.run(`DELETE FROM catalog.extents WHERE ordinal IN (${list})`)
  }
}

async function replaceRecords(session: DuckSession, extents: readonly Extent[]): Promise<void> {
  if (extents.length === 0) return
  const ordinals = extents.map(({ ordinal }) => ordinal).join(', ')
  await session.run(`DELETE FROM catalog.extents WHERE ordinal IN (${ordinals})`)
  const values = extents.map((extent) => `(${extentValues(extent)})`).join(', ')
  await session.run(`INSERT INTO catalog.extents VALUES ${values}`)
}
