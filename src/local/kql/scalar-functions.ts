import { CONVERSION_FUNCTIONS } from './scalar-functions-conversion.ts'
import { DATETIME_FUNCTIONS } from './scalar-functions-datetime.ts'
import { DYNAMIC_FUNCTIONS } from './scalar-functions-dynamic.ts'
import { HASH_FUNCTIONS } from './scalar-functions-hash.ts'
import { IP_FUNCTIONS } from './scalar-functions-ip.ts'
import { MATH_FUNCTIONS } from './scalar-functions-math.ts'
import { SERIES_FUNCTIONS } from './scalar-functions-series.ts'
import { STRING_FUNCTIONS } from './scalar-functions-string.ts'
import type { ScalarFunction } from './sql.ts'

/** The scalar functions the embedded Kusto has, by name. What is not here is refused. */
export const SCALAR_FUNCTIONS: ReadonlyMap<string, ScalarFunction> = new Map([
  ...CONVERSION_FUNCTIONS,
  ...DATETIME_FUNCTIONS,
  ...DYNAMIC_FUNCTIONS,
  ...HASH_FUNCTIONS,
  ...IP_FUNCTIONS,
  ...MATH_FUNCTIONS,
  ...SERIES_FUNCTIONS,
  ...STRING_FUNCTIONS,
])
