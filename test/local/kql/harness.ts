import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'

import { translateQuery, type TranslateScope, type TranslatedQuery } from '../../../src/local/kql/translate.ts'
import { registerUdfs } from '../../../src/local/kql/udf.ts'
import { type Language, startLanguage } from '../../../src/local/lang/language.ts'
import type { Cell, Column, QueryAnalysis, ScalarName } from '../../../src/local/lang/syntax.ts'
import { SQL_TYPES } from '../../../src/local/kql/sql.ts'

/** A table of the harness: rows are SQL text, one value for each column. */
export interface TestTable {
  readonly name: string
  readonly columns: readonly Column[]
  /** SELECT of the rows in the internal representation, columns in order. */
  readonly select: string
}

export interface TestResult {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
}

/** The embedded language over an in-memory DuckDB, without the server. */
export interface Kql {
  run(text: string, parameters?: Readonly<Record<string, string>>): Promise<readonly TestResult[]>
  translate(text: string, parameters?: Readonly<Record<string, string>>): Promise<TranslatedQuery>
  close(): Promise<void>
}

/** 2026-01-02T03:04:05.6789012Z: `now()` of every test. */
export const NOW_TICKS = 639_029_558_456_789_012n

export async function startKql(tables: readonly TestTable[] = []): Promise<Kql> {
  const language = await startLanguage()
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  registerUdfs(connection)
  await createTables(connection, tables)
  language.setDatabases([{ name: 'db1', tables: tables.map(({ name, columns }) => ({ name, columns })) }])
  const translate: Kql['translate'] = async (text, parameters = {}) =>
    await translateQuery(await analyze(language, text), scopeOf(language, connection, tables, parameters))
  return {
    translate,
    async run(text, parameters) {
      const { results } = await translate(text, parameters)
      const all: TestResult[] = []
      for (const { sql, columns } of results) {
        const rows = await (await connection.run(sql)).getRows()
        all.push({ columns, rows: rows.map((row) => row.map((value, index) => cellOf(value, columns[index]!.type))) })
      }
      return all
    },
    async close() {
      connection.closeSync()
      instance.closeSync()
      await language.close()
    },
  }
}

async function analyze(language: Language, text: string): Promise<QueryAnalysis> {
  const analysis = await language.analyze(text, { database: 'db1' })
  if (analysis.kind !== 'query') throw new Error('not a query')
  const errors = analysis.diagnostics.filter((each) => each.severity === 'error')
  if (errors.length > 0) throw new Error(`${errors[0]!.code}: ${errors[0]!.message}`)
  return analysis
}

function scopeOf(
  language: Language,
  connection: DuckDBConnection,
  tables: readonly TestTable[],
  parameters: Readonly<Record<string, string>>,
): TranslateScope {
  return {
    database: 'db1',
    nowTicks: NOW_TICKS,
    parameters: new Map(Object.entries(parameters)),
    table(database, name) {
      const index = tables.findIndex((table) => table.name === name && (database ?? 'db1') === 'db1')
      const table = tables[index]
      if (table === undefined) return undefined
      return {
        sql: `main.t_${index}`,
        columns: table.columns.map((column, place) => ({ ...column, physical: `"c${place}"` })),
      }
    },
    probe: async (sql) => await (await connection.run(sql)).getRows(),
    analyze: (text) => analyze(language, text),
  }
}

async function createTables(connection: DuckDBConnection, tables: readonly TestTable[]): Promise<void> {
  for (const [index, table] of tables.entries()) {
    const columns = table.columns.map((column, place) => `"c${place}" ${SQL_TYPES[column.type]}`)
    await connection.run(`CREATE TABLE main.t_${index} (${columns.join(', ')})`)
    await connection.run(`INSERT INTO main.t_${index} ${table.select}`)
  }
}

function cellOf(value: unknown, type: ScalarName): Cell {
  if (value === null || value === undefined) return null
  if (type === 'bool') return value === true
  if (type === 'int' || type === 'real') return Number(value)
  if (typeof value === 'bigint' || typeof value === 'string') return value
  // Decimals and guids come as objects that know their text.
  if (typeof value === 'object') return (value as { toString(): string }).toString()
  throw new TypeError(`unexpected value of type ${type}`)
}
