import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll } from 'vitest'

import type { Cell, ScalarName } from '../../../src/local/lang/syntax.ts'
import { AGGREGATES } from '../../../src/local/kql/aggregates.ts'
import { SCALAR_FUNCTIONS } from '../../../src/local/kql/scalar-functions.ts'
import { literal, SQL_TYPES, type CallContext, type Sql } from '../../../src/local/kql/sql.ts'
import { registerUdfs } from '../../../src/local/kql/udf.ts'

/** `now()` in tests: 2024-05-06T07:08:09.1234567Z. */
export const NOW_TICKS = 638_505_760_891_234_567n

/** An in-memory DuckDB with the user functions, for a test file. */
export interface SqlBench {
  /** Value of one SQL expression. */
  value(sql: string, from?: string): Promise<unknown>
  /** Value of a call to a scalar function. */
  call(name: string, args: readonly Sql[], resultType: ScalarName): Promise<unknown>
  /** Values of an aggregate over the rows of a FROM clause. */
  aggregate(
    name: string,
    args: readonly Sql[],
    resultType: ScalarName,
    from: string,
    order?: string,
  ): Promise<readonly unknown[]>
}

export function sqlBench(): SqlBench {
  let connection: DuckDBConnection
  let instance: DuckDBInstance
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:', { threads: '2' })
    connection = await instance.connect()
    registerUdfs(connection)
  })
  afterAll(() => {
    connection.closeSync()
    instance.closeSync()
  })
  const row = async (sql: string): Promise<readonly unknown[]> => {
    const rows = (await connection.runAndReadAll(sql)).getRows()
    return (rows[0] ?? []).map((cell) => (cell !== null && typeof cell === 'object' ? String(cell) : cell))
  }
  const value = async (sql: string, from = '(SELECT 1)'): Promise<unknown> =>
    (await row(`SELECT ${sql} FROM ${from}`))[0]
  return {
    value,
    call: async (name, args, resultType) => {
      const emit = SCALAR_FUNCTIONS.get(name)
      if (!emit) throw new Error(`no scalar function ${name}`)
      const sql = emit(args, context(name, resultType))
      const [type, cell] = await row(`SELECT typeof(${sql}), ${sql}`)
      const ofAnyScale = resultType === 'decimal' && String(type).startsWith('DECIMAL(38,')
      if (type !== SQL_TYPES[resultType] && type !== '"NULL"' && !ofAnyScale)
        throw new Error(`${name} yields ${String(type)}: ${sql}`)
      return cell
    },
    aggregate: async (name, args, resultType, from, order) => {
      const emit = AGGREGATES.get(name)
      if (!emit) throw new Error(`no aggregate ${name}`)
      return row(`SELECT ${emit(args, context(name, resultType, order)).join(', ')} FROM ${from}`)
    },
  }
}

function context(name: string, resultType: ScalarName, order?: string): CallContext {
  return { name, resultType, nowTicks: NOW_TICKS, ...(order === undefined ? {} : { order }) }
}

/** Literal arguments, one constructor per type. */
export const lit = {
  bool: (value: boolean | null): Sql => literal(value, 'bool'),
  int: (value: number | null): Sql => literal(value, 'int'),
  long: (value: bigint | number | null): Sql => literal(value === null ? null : BigInt(value), 'long'),
  real: (value: number | null): Sql => literal(value, 'real'),
  decimal: (value: string | null): Sql => literal(value, 'decimal'),
  text: (value: string): Sql => literal(value, 'string'),
  datetime: (ticks: bigint | null): Sql => literal(ticks, 'datetime'),
  timespan: (ticks: bigint | null): Sql => literal(ticks, 'timespan'),
  guid: (value: string | null): Sql => literal(value, 'guid'),
  dynamic: (json: Cell): Sql => literal(json, 'dynamic'),
}

/** A column reference of a FROM clause. */
export function column(sql: string, type: ScalarName): Sql {
  return { sql, type }
}
