import type { Records } from './typed-batches.ts'
import { usageError } from './usage-error.ts'

export interface CsvOptions {
  readonly separator: string
  readonly hasHeader: boolean
}

/** Rows handed on together. */
const ROWS_AT_ONCE = 4096

/**
 * RFC 4180: fields in double quotes may hold separators, line breaks and doubled quotes. An empty field without quotes is
 * null. Without a header the columns are `Column1`, `Column2` and so on. A line of nothing is the null of a file of one
 * column, as an empty text is there, which files written by us have in its place; it is no record of any other file.
 * @throws {KustoUsageError} CLI_USAGE naming the line of a record with too few or too many fields, or two columns of one name
 */
export async function* csvRecords(source: AsyncIterable<Uint8Array>, options: CsvOptions): AsyncGenerator<Records> {
  let names: readonly string[] | undefined
  let rows: (string | null)[][] = []
  for await (const { fields, line } of splitRecords(source, options.separator)) {
    const isBlank = fields.length === 1 && fields[0] === null
    if (isBlank && names?.length !== 1) continue
    if (names === undefined) {
      names = namesOf(fields, { ...options, line })
      if (options.hasHeader) continue
    }
    if (fields.length !== names.length) {
      throw usageError(`line ${line}: expected ${names.length} fields, found ${fields.length}`)
    }
    rows.push(names.length === 1 && fields[0] === '' ? [null] : fields)
    if (rows.length < ROWS_AT_ONCE) continue
    yield { names, rows }
    rows = []
  }
  if (names !== undefined) yield { names, rows }
}

function namesOf(
  fields: CsvRecord['fields'],
  { hasHeader, line }: CsvOptions & { readonly line: number },
): readonly string[] {
  const names = fields.map((name, index) => (hasHeader ? name : null) ?? `Column${index + 1}`)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return names
  throw usageError(`line ${line}: expected columns of different names, found two named ${twice}`)
}

interface CsvRecord {
  readonly fields: (string | null)[]
  /** Where it begins, from 1. */
  readonly line: number
}

async function* splitRecords(source: AsyncIterable<Uint8Array>, separator: string): AsyncGenerator<CsvRecord> {
  const decoder = new TextDecoder('utf-8')
  let rest = ''
  const at = { line: 1 }
  for await (const part of source) {
    rest += decoder.decode(part, { stream: true })
    rest = rest.slice(yield* records(rest, { separator, isEnd: false, at }))
  }
  rest += decoder.decode()
  yield* records(rest, { separator, isEnd: true, at })
}

/** Gives the whole records of a text and returns where the rest begins. */
function* records(
  text: string,
  { separator, isEnd, at }: { readonly separator: string; readonly isEnd: boolean; readonly at: { line: number } },
): Generator<CsvRecord, number> {
  let start = 0
  let pos = 0
  let fields: (string | null)[] = []
  let line = at.line
  for (;;) {
    if (pos >= text.length && !(isEnd && fields.length > 0)) return start
    let field: string | null
    if (text[pos] === '"') {
      let close = pos + 1
      for (;;) {
        close = text.indexOf('"', close)
        if (close < 0 || (close === text.length - 1 && !isEnd)) {
          if (!isEnd) return start
          throw usageError(`line ${at.line}: expected a closing quote, found the end of the file`)
        }
        if (text[close + 1] !== '"') break
        close += 2
      }
      const quoted = text.slice(pos + 1, close)
      for (let found = quoted.indexOf('\n'); found >= 0; found = quoted.indexOf('\n', found + 1)) line++
      field = quoted.includes('"') ? quoted.replaceAll('""', '"') : quoted
      pos = close + 1
    } else {
      const [end, isWhole] = endOfField(text, pos, separator)
      if (!isWhole && !isEnd) return start
      field = end === pos ? null : text.slice(pos, end)
      pos = end
    }
    if (pos >= text.length && !isEnd) return start
    fields.push(field)
    if (text[pos] === separator) {
      pos++
      continue
    }
    if (text[pos] === '\r') {
      if (pos + 1 >= text.length && !isEnd) return start
      pos++
    }
    if (text[pos] === '\n') pos++
    else if (pos < text.length)
      throw usageError(`line ${line}: expected ${JSON.stringify(separator)} or a line break after a quoted field`)
    yield { fields, line: at.line }
    at.line = ++line
    fields = []
    start = pos
    if (pos >= text.length) return start
  }
}

function endOfField(text: string, from: number, separator: string): readonly [number, boolean] {
  for (let pos = from; pos < text.length; pos++) {
    const character = text[pos]
    if (character === separator || character === '\n' || (character === '\r' && (text[pos + 1] ?? '\n') === '\n'))
      return [pos, true]
  }
  return [text.length, false]
}
