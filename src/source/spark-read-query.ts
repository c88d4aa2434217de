import { badOption } from '../base/check-options.ts'
import { Kql, name, text } from '../kql/kql.ts'
import { splitStatements } from '../kql/query-text.ts'

/**
 * Spark's `kustoQuery`: a query, or the name of a table. Parameters that the query declares become `let` statements,
 * which an export carries as well.
 */
export function sparkQuery(query: string, parameters: ReadonlyMap<string, string>): Kql {
  // A bare name with a dash is a table; read as KQL it would be a subtraction.
  if (/^[\p{L}\p{N}_.]+(?:-[\p{L}\p{N}_.]+)+$/u.test(query.trim())) return name(query.trim())
  const declares = splitStatements(query).filter((statement) => statement.kind === 'declare')
  if (parameters.size === 0) return Kql.raw(query)
  let rest = query
  const known = new Set<string>()
  for (const { text: statement, start, end } of declares.toReversed()) {
    const lets = declaredParameters(statement).map((parameter) => {
      known.add(parameter.name)
      return letStatement(parameter, parameters.get(parameter.name))
    })
    rest = `${rest.slice(0, start)}${lets.join(';\n')}${rest.slice(end)}`
  }
  const unknown = [...parameters.keys()].find((each) => !known.has(each))
  if (unknown === undefined) return Kql.raw(rest)
  throw badOption(`expected the query to declare its parameter ${unknown}, found ${[...known].join(', ') || 'none'}`)
}

interface DeclaredParameter {
  readonly name: string
  readonly type: string
  readonly byDefault: string | undefined
}

function declaredParameters(statement: string): readonly DeclaredParameter[] {
  const body = /^declare\s+query_parameters\s*\(([\s\S]*)\)$/.exec(statement)?.[1]
  if (body === undefined) throw badOption('expected declare query_parameters(...), found another declaration')
  return splitAtCommas(body).map((part) => {
    const [, parameter, type, byDefault] =
      /^\s*([A-Za-z_]\w*)\s*:\s*([a-z]+)\s*(?:=\s*([\s\S]+?)\s*)?$/.exec(part) ?? []
    if (parameter === undefined || type === undefined) {
      throw badOption(`expected name:type in declare query_parameters, found ${part.trim().slice(0, 60)}`)
    }
    return { name: parameter, type, byDefault }
  })
}

function splitAtCommas(body: string): readonly string[] {
  const parts = ['']
  let depth = 0
  for (const [token] of body.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\s\S]/g)) {
    if (token === '(' || token === '[' || token === '{') depth++
    if (token === ')' || token === ']' || token === '}') depth--
    if (token === ',' && depth === 0) parts.push('')
    else parts.push(`${parts.pop() ?? ''}${token}`)
  }
  return parts
}

function letStatement({ name: parameter, type, byDefault }: DeclaredParameter, value: string | undefined): string {
  if (value !== undefined) return `let ${parameter} = ${literalOf(type, value, parameter)}`
  if (byDefault !== undefined) return `let ${parameter} = ${byDefault}`
  throw badOption(`expected a value for the query parameter ${parameter}, found none`)
}

/** Parameters travel as text: a string's characters, other types as literal, with or without the type in front. */
function literalOf(type: string, value: string, parameter: string): string {
  if (type === 'string') return text(value).text
  const bare = new RegExp(`^${type}\\(([\\s\\S]*)\\)$`).exec(value.trim())?.[1] ?? value.trim()
  if (/^[\w.:+\- ]+$/.test(bare)) return `${type}(${bare})`
  throw badOption(`expected a literal of type ${type} for the query parameter ${parameter}, found another text`)
}
