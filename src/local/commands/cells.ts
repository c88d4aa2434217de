import { DUCK_TYPES } from '../engine/catalog-sql.ts'
import { quoteText } from '../kql/sql.ts'
import type { DuckSession } from '../engine/duck.ts'
import type { ResultTable } from '../engine/result-table.ts'
import type { Cell, Column, ScalarName } from '../lang/syntax.ts'

const ROWS_PER_INSERT = 500
let temporaryTables = 0

/** Puts a small result into a temporary table of the session; gives its SQL name. Its columns are c0, c1, ... */
export async function storeResult(session: DuckSession, result: ResultTable): Promise<string> {
  const name = `temp.result_${temporaryTables++}`
  const columns = result.columns.map(({ type }, index) => `c${index} ${DUCK_TYPES[type]}`)
  await session.run(`CREATE TEMP TABLE ${name.slice('temp.'.length)}(${columns.join(', ')})`)
  for (let start = 0; start < result.rows.length; start += ROWS_PER_INSERT) {
    const rows = result.rows.slice(start, start + ROWS_PER_INSERT).map((row) => {
      const cells = result.columns.map(({ type }, index) => cellSql(row[index] ?? null, type))
      return `(${cells.join(', ')})`
    })
    await session.run(`INSERT INTO ${name} VALUES ${rows.join(', ')}`)
  }
  return name
}

/** Computes a query now, into a temporary table of the session; gives its SQL name. */
export async function storeSelection(session: DuckSession, sql: string): Promise<string> {
  const name = `result_${temporaryTables++}`
  await session.run(`CREATE TEMP TABLE ${name} AS ${sql}`)
  return `temp.${name}`
}

function cellSql(cell: Cell, type: ScalarName): string {
  if (cell === null) return type === 'string' ? "''" : 'NULL'
  if (typeof cell === 'boolean') return cell ? 'TRUE' : 'FALSE'
  if (typeof cell === 'bigint') return `${cell}`
  return `${quoteText(String(cell))}::${DUCK_TYPES[type]}`
}

/** All rows of a query that selects these columns in the internal representation. For small results. */
export async function readCells(session: DuckSession, sql: string, columns: readonly Column[]): Promise<ResultTable> {
  const rows = await session.rows(sql)
  return { columns, rows: rows.map((row) => columns.map(({ type }, index) => cellOf(row[index], type))) }
}

function cellOf(value: unknown, type: ScalarName): Cell {
  if (value === null || value === undefined) return type === 'string' ? '' : null
  if (typeof value === 'boolean' || typeof value === 'string' || typeof value === 'bigint') return value
  if (typeof value === 'number') return value
  // DECIMAL and UUID come as objects that print as Kusto text does, but for trailing zeros.
  const text = (value as { toString(): string }).toString()
  return type === 'decimal' && text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
