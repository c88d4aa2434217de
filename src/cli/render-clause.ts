/** What KQL's `render` operator asks for. */
export interface RenderClause {
  /** `barchart`, `timechart` and so on, as written. */
  readonly visualization: string
  /** Properties of `with (...)`: `title`, `xcolumn`, `ycolumns`, `series`, `kind` and others, names in lower case. */
  readonly properties: ReadonlyMap<string, string>
}

/** Strings and comments, which may hold anything, and single characters. */
const TOKEN = /\/\/[^\r\n]*|@"(?:[^"]|"")*"|@'(?:[^']|'')*'|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'|[\s\S]/g

/** The `render` operator that the query ends with; undefined when there is none. */
export function renderClause(query: string): RenderClause | undefined {
  let last = ''
  for (const [token] of query.matchAll(TOKEN)) {
    if (token.startsWith('//')) continue
    last = token === '|' || token === ';' ? (token === ';' ? last : '') : last + token
  }
  const [, visualization, properties = ''] =
    /^\s*render\s+(\w+)\s*(?:with\s*\(([\s\S]*)\)|([\s\S]*))\s*$/.exec(last) ?? []
  if (visualization === undefined) return undefined
  return { visualization: visualization.toLowerCase(), properties: parseProperties(properties) }
}

/** `name = value` pairs; values are strings, names, or lists of names. */
function parseProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>()
  const pattern = /(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|[^,]*(?:,(?!\s*\w+\s*=)[^,]*)*)/g
  for (const [, name = '', value = ''] of text.matchAll(pattern)) {
    const trimmed = value.trim()
    const isQuoted = /^(["']).*\1$/s.test(trimmed)
    properties.set(name.toLowerCase(), isQuoted ? trimmed.slice(1, -1).replaceAll(/\\(.)/g, '$1') : trimmed)
  }
  return properties
}
