import type { Cell, ScalarName } from '../lang/syntax.ts'
import { castTo } from './casts.ts'
import { literal, SQL_TYPES, type Sql } from './sql.ts'

/** The value as another type; a number that was a literal stays one. */
export function convert(value: Sql, type: ScalarName): Sql {
  if (value.type === type) return value
  const folded = value.constant === undefined ? undefined : foldNumber(value.constant, type)
  if (folded !== undefined) return literal(folded, type)
  return { sql: `(${castTo(value, type)})::${SQL_TYPES[type]}`, type }
}

function foldNumber(value: Cell, type: ScalarName): Cell | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  if (type === 'real') return Number(value)
  const whole = typeof value === 'bigint' || Number.isInteger(value)
  if (type === 'long' && whole) return BigInt(value)
  if (type === 'int' && whole && BigInt.asIntN(32, BigInt(value)) === BigInt(value)) return Number(value)
  return undefined
}
