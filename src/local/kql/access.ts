import type { SyntaxNode } from '../lang/syntax.ts'
import { need } from '../lang/tree.ts'
import { jsonKeyPath, jsonKeyPathOf } from './casts.ts'
import type { Context } from './context.ts'
import { bind, notSupported, quoteText, type Sql } from './sql.ts'

/** `a.b`, `a["b"]`, `a[0]` on dynamic values; `$left.a` in join conditions and `step.a` in `scan`. */
export function translateAccess(node: SyntaxNode, context: Context): Sql {
  const base = need(node, 'Expression')
  const selector = need(node, 'Selector')
  const side = base.kind === 'NameReference' ? namedRow(base.name, context) : undefined
  if (side !== undefined) {
    const column = side.find((each) => each.name === selector.name)
    if (column === undefined) throw notSupported(`the column ${base.name ?? ''}.${selector.name ?? ''}`)
    return { sql: column.id, type: column.type }
  }
  const value = context.query.scalar(base, context)
  if (value.type !== 'dynamic') throw notSupported(`access to a member of a ${value.type}`)
  if (selector.kind === 'BracketedExpression') return element(value, need(selector, 'Expression'), context)
  if (selector.name === undefined) throw notSupported(`the selector ${selector.kind}`)
  return extract(value.sql, jsonKeyPath(selector.name))
}

function namedRow(name: string | undefined, context: Context): NonNullable<Context['row']>['columns'] | undefined {
  if (name === '$left') return context.row?.columns
  if (name === '$right') return context.row?.right
  return name === undefined ? undefined : context.row?.tuples?.get(name)
}

function element(value: Sql, index: SyntaxNode, context: Context): Sql {
  const key = context.query.scalar(index, context)
  if (key.constant !== undefined && key.constant !== null) {
    if (key.type === 'string') return extract(value.sql, jsonKeyPath(String(key.constant)))
    if (key.type === 'int' || key.type === 'long') {
      const at = BigInt(key.constant)
      return extract(value.sql, quoteText(at < 0n ? `$[#${at}]` : `$[${at}]`))
    }
  }
  if (key.type === 'string') return extract(value.sql, bind(key.sql, jsonKeyPathOf))
  if (key.type === 'int' || key.type === 'long') {
    const at = `(${key.sql})`
    return extract(value.sql, `CASE WHEN ${at} < 0 THEN '$[#' ELSE '$[' END || ${at}::VARCHAR || ']'`)
  }
  if (key.type === 'dynamic') {
    const text = `json_extract_string(${key.sql}, '$')`
    const path = `CASE WHEN starts_with(${key.sql}, '"') THEN ${bind(text, jsonKeyPathOf)} ELSE '$[' || ${key.sql} || ']' END`
    return extract(value.sql, path)
  }
  throw notSupported(`an index of type ${key.type}`)
}

/** JSON null inside a value is Kusto's null. */
function extract(sql: string, path: string): Sql {
  return { sql: `nullif(json_extract(${sql}, ${path})::VARCHAR, 'null')`, type: 'dynamic' }
}
