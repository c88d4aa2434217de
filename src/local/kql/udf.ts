import { createRequire } from 'node:module'

import type { DuckDBConnection, DuckDBScalarFunction, DuckDBType, DuckDBValue } from '@duckdb/node-api'

import { udfFailure } from '../server/local-error.ts'
import type { AnyValue, Udf, UdfType } from './udf-definition.ts'
import { CORE_UDFS } from './udf-core.ts'
import { DECIMAL_UDFS } from './udf-decimal.ts'
import { DATETIME_UDFS } from './udf-datetime.ts'
import { DYNAMIC_UDFS } from './udf-dynamic.ts'
import { ENCODING_UDFS } from './udf-encoding.ts'
import { HASH_UDFS } from './udf-hash.ts'
import { IP_UDFS } from './udf-ip.ts'
import { MATH_UDFS } from './udf-math.ts'
import { PARSE_KV_UDFS } from './udf-parse-kv.ts'
import { SERIES_UDFS } from './udf-series.ts'
import { SKETCH_UDFS } from './udf-sketch.ts'
import { STRING_UDFS } from './udf-string.ts'
import { URL_UDFS } from './udf-url.ts'
import { XML_UDFS } from './udf-xml.ts'

type DuckDb = typeof import('@duckdb/node-api')

const UDFS: readonly Udf[] = [
  ...CORE_UDFS,
  ...DATETIME_UDFS,
  ...DECIMAL_UDFS,
  ...DYNAMIC_UDFS,
  ...ENCODING_UDFS,
  ...HASH_UDFS,
  ...IP_UDFS,
  ...MATH_UDFS,
  ...PARSE_KV_UDFS,
  ...SERIES_UDFS,
  ...SKETCH_UDFS,
  ...STRING_UDFS,
  ...URL_UDFS,
  ...XML_UDFS,
]

/** Registers the user functions for every connection of the instance. Call once per instance. */
export function registerUdfs(connection: DuckDBConnection): void {
  // Loaded here and not at the top: the package is an optional peer.
  const duckdb = createRequire(import.meta.url)('@duckdb/node-api') as DuckDb
  for (const definition of UDFS) connection.registerScalarFunction(scalarFunction(duckdb, definition))
}

function scalarFunction(duckdb: DuckDb, definition: Udf): DuckDBScalarFunction {
  const { name, parameters, rest, returns, run } = definition
  const duckType = (type: UdfType): DuckDBType => {
    if (type.startsWith('text')) return duckdb.VARCHAR
    if (type.startsWith('long')) return duckdb.BIGINT
    return type.startsWith('real') ? duckdb.DOUBLE : duckdb.BOOLEAN
  }
  return duckdb.DuckDBScalarFunction.create({
    name,
    returnType: duckType(returns),
    parameterTypes: parameters.map(duckType),
    ...(rest === undefined ? {} : { varArgsType: duckType(rest) }),
    specialHandling: true,
    mainFunction: (_info, chunk, output) => {
      const columns = Array.from({ length: chunk.columnCount }, (_, index) => chunk.getColumnValues(index))
      const strict = columns.map((_, index) => !(parameters[index] ?? rest ?? '').endsWith('?'))
      for (let row = 0; row < chunk.rowCount; row++) {
        const args = columns.map((column) => cell(column[row]))
        const known = args.every((arg, index) => arg !== null || strict[index] === false)
        output.setItem(row, known ? guarded(name, run, args) : null)
      }
      output.flush()
    },
  })
}

/** DuckDB passes on only the text of what a function throws, so the text says which error it was. */
function guarded(name: string, run: Udf['run'], args: readonly AnyValue[]): AnyValue {
  try {
    return run(...args)
  } catch (error) {
    throw new Error(udfFailure(name, error), { cause: error })
  }
}

function cell(value: DuckDBValue | undefined): AnyValue {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean')
    return value
  throw new TypeError('a user function was given a value of an unexpected type')
}
