import type { ScalarName } from '../lang/syntax.ts'

/** A column of a relation: its Kusto name, and the SQL identifier that no other column of the query has. */
export interface RelationColumn {
  readonly name: string
  readonly type: ScalarName
  readonly id: string
}

/** One sort key; the column may be hidden. */
export interface OrderTerm {
  readonly id: string
  readonly type: ScalarName
  readonly descending: boolean
  readonly nulls: 'first' | 'last'
}

/**
 * A table in the making. Every operator wraps the SQL of its input; DuckDB flattens that. Columns have ids of their
 * own because DuckDB's names are case-insensitive and Kusto's are not.
 */
export interface Relation {
  /** A SELECT statement. */
  readonly sql: string
  readonly columns: readonly RelationColumn[]
  /** How the rows are ordered; empty when they are not. The columns are carried along, visible or not. */
  readonly order: readonly OrderTerm[]
  /** Hidden columns that split the rows into independent tables (`mv-apply`, `partition`). */
  readonly partition: readonly string[]
  /** SELECT of all partitions there are, also those that lost their rows. */
  readonly partitions?: string
  /** There is at most one row, so order has no meaning. */
  readonly single?: true
  /** Name of the table, for `withsource`. */
  readonly source?: string
  /** Hidden column with the ordinal of the row's extent, while the rows are still those of a stored table. */
  readonly extent?: string
}

/** An output column to compute. */
export interface Output {
  readonly name: string
  readonly type: ScalarName
  readonly sql: string
}

/** Ids that every derived SELECT must carry although they are not columns of the result. */
export function hiddenIds(relation: Relation): readonly string[] {
  const visible = new Set(relation.columns.map((column) => column.id))
  const hidden = new Set<string>()
  for (const id of [...relation.order.map((term) => term.id), ...relation.partition]) {
    if (!visible.has(id)) hidden.add(id)
  }
  return [...hidden]
}

/** The relation with other columns, computed row by row; order and partitions stay. */
export function project(relation: Relation, outputs: readonly Output[], newId: () => string, tail = ''): Relation {
  const known = new Set(relation.columns.map((column) => column.id))
  const taken = new Set<string>()
  const items: string[] = []
  const columns = outputs.map((output): RelationColumn => {
    const reuse = known.has(output.sql) && !taken.has(output.sql)
    const id = reuse ? output.sql : newId()
    taken.add(id)
    items.push(reuse ? id : `${output.sql} AS ${id}`)
    return { name: output.name, type: output.type, id }
  })
  const carried = new Set([...relation.order.map((term) => term.id), ...relation.partition])
  if (relation.extent !== undefined) carried.add(relation.extent)
  for (const id of carried) if (!taken.has(id)) items.push(id)
  if (items.length === 0) items.push(`1 AS ${newId()}`)
  return { ...unnamed(relation), sql: `SELECT ${items.join(', ')} FROM (${relation.sql})${tail}`, columns }
}

/** The same columns with rows taken away or reordered by what follows FROM. */
export function filter(relation: Relation, tail: string): Relation {
  return { ...unnamed(relation), sql: `SELECT * FROM (${relation.sql}) ${tail}` }
}

/** The relation without its table name. */
export function unnamed(relation: Relation): Relation {
  const { source: _, ...rest } = relation
  return rest
}

/** The relation under new ids, so that one table can be used twice in a query. */
export function realias(relation: Relation, newId: () => string): Relation {
  const ids = new Map<string, string>()
  const rename = (id: string): string => {
    const known = ids.get(id)
    if (known !== undefined) return known
    const made = newId()
    ids.set(id, made)
    return made
  }
  const columns = relation.columns.map((column) => ({ ...column, id: rename(column.id) }))
  const order = relation.order.map((term) => ({ ...term, id: rename(term.id) }))
  const partition = relation.partition.map(rename)
  const extent = relation.extent === undefined ? {} : { extent: rename(relation.extent) }
  const items = [...ids].map(([from, to]) => `${from} AS ${to}`)
  if (items.length === 0) items.push(`1 AS ${newId()}`)
  return { ...relation, sql: `SELECT ${items.join(', ')} FROM (${relation.sql})`, columns, order, partition, ...extent }
}

/** SQL of the sort keys. Kusto puts NaN next to the nulls, DuckDB above all numbers. */
export function orderList(order: readonly OrderTerm[]): string {
  return order.flatMap(orderItems).join(', ')
}

function orderItems(term: OrderTerm): readonly string[] {
  const key = `${term.id} ${term.descending ? 'DESC' : 'ASC'} NULLS ${term.nulls === 'first' ? 'FIRST' : 'LAST'}`
  if (term.type !== 'real') return [key]
  const apart = `CASE WHEN ${term.id} IS NULL THEN 0 WHEN isnan(${term.id}) THEN 1 ELSE 2 END`
  return [`${apart} ${term.nulls === 'first' ? 'ASC' : 'DESC'}`, key]
}

/** ORDER BY of the relation, or nothing when it has no order. */
export function orderClause(relation: Relation): string {
  return relation.order.length === 0 ? '' : `ORDER BY ${orderList(relation.order)}`
}

/** A relation whose order is one ascending column, unique within each partition. */
export type Numbered = Relation & { readonly rowNumber: string }

/** The relation with its order as one column. The numbers may have gaps. */
export function numbered(relation: Relation, newId: () => string): Numbered {
  const [only] = relation.order
  if (relation.order.length === 1 && only !== undefined && only.id.startsWith('n')) {
    return { ...relation, rowNumber: only.id }
  }
  return counted(relation, newId)
}

/** The relation with its rows counted from 1 in each partition. */
export function counted(relation: Relation, newId: () => string): Numbered {
  const id = `n${newId()}`
  const over = [partitionClause(relation), orderClause(relation)].filter((part) => part !== '').join(' ')
  return {
    ...relation,
    sql: `SELECT *, row_number() OVER (${over}) AS ${id} FROM (${relation.sql})`,
    order: [ascending(id)],
    rowNumber: id,
  }
}

/** A sort key over a column of row numbers. */
export function ascending(id: string): OrderTerm {
  return { id, type: 'long', descending: false, nulls: 'last' }
}

/** PARTITION BY of the relation's independent parts, or nothing. */
export function partitionClause(relation: Relation): string {
  return relation.partition.length === 0 ? '' : `PARTITION BY ${relation.partition.join(', ')}`
}

/** The first rows of each partition in the relation's order. */
export function firstRows(relation: Relation, count: string): Relation {
  if (relation.partition.length === 0) return filter(relation, `${orderClause(relation)} LIMIT ${count}`)
  const over = [partitionClause(relation), orderClause(relation)].filter((part) => part !== '').join(' ')
  return filter(relation, `QUALIFY row_number() OVER (${over}) <= ${count}`)
}
