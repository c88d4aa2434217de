import { badOption } from '../base/check-options.ts'
import { scalarNameOf } from '../arrow/scalar-types.ts'
import type { ScalarName } from '../arrow/scalar-types.ts'
import { escapeText } from '../kql/quote-text.ts'

const SPARK_TYPES: ReadonlyMap<string, ScalarName> = new Map<string, ScalarName>([
  ['boolean', 'bool'],
  ['byte', 'int'],
  ['tinyint', 'int'],
  ['short', 'int'],
  ['smallint', 'int'],
  ['integer', 'int'],
  ['bigint', 'long'],
  ['float', 'real'],
  ['timestamp', 'datetime'],
  ['decimal', 'decimal'],
  ['numeric', 'decimal'],
])

const COLUMN =
  /\s*(?:`((?:[^`]|``)+)`|([^\s:,`]+))\s*[\s:]\s*([A-Za-z0-9_]+)(?:\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\s+not\s+null)?\s*(,|$)/iy

/** Spark's DDL text of columns, `a BIGINT, b STRING`, as the option `schema` takes it. */
export function sparkSchema(ddl: string): string {
  const column = new RegExp(COLUMN)
  const columns: string[] = []
  let goesOn = true
  while (goesOn) {
    const at = column.lastIndex
    const [, quoted, bare, typeText = '', comma] = column.exec(ddl) ?? []
    const name = quoted?.replaceAll('``', '`') ?? bare
    const type = SPARK_TYPES.get(typeText.toLowerCase()) ?? scalarNameOf(typeText)
    if (name === undefined || type === undefined) {
      throw badOption(`expected columns such as a BIGINT, b STRING in customSchema, found ${ddl.slice(at, at + 60)}`)
    }
    columns.push(`['${escapeText(name)}']:${type}`)
    goesOn = comma === ','
  }
  return columns.join(', ')
}
