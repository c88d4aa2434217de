import { syntaxError } from '../engine/entity-errors.ts'
import { Scanner } from './scan.ts'

export interface InlineCommand {
  readonly table: string
  readonly properties: readonly (readonly [string, string])[]
  /** Everything after `<|` exactly as it stands, or the bracketed records one per line. */
  readonly data: string
}

/** `.ingest inline into table T [with (...)] <| data`, or `[record] [record] ...` instead of the arrow. */
export function parseInline(text: string): InlineCommand {
  const scanner = new Scanner(text)
  scanner.expect('.', 'ingest', 'inline', 'into', 'table')
  const table = scanner.name()
  const properties = scanner.properties()
  const { text: mark, start, end } = scanner.next
  if (mark === '<|') return { table, properties, data: text.slice(end) }
  if (text.charAt(start) !== '[') throw syntaxError("expected '<|' or '['", start)
  return { table, properties, data: bracketed(text, start) }
}

/** A bracket inside of double quotes is data. */
function bracketed(text: string, start: number): string {
  const records: string[] = []
  for (let at = start; at < text.length; at++) {
    if (/\s/.test(text.charAt(at))) continue
    if (text.charAt(at) !== '[') throw syntaxError("expected '['", at)
    const first = at + 1
    for (let quoted = false; text.charAt(at) !== ']' || quoted; at++) {
      if (at >= text.length) throw syntaxError("expected ']'", at)
      if (text.charAt(at) === '"') quoted = !quoted
    }
    records.push(text.slice(first, at))
  }
  return records.join('\n')
}

export interface ExportCommand {
  readonly format: 'csv' | 'tsv' | 'json' | 'parquet'
  readonly compressed: boolean
  /** Storage connection strings, unquoted; neighbouring literals are one string. */
  readonly destinations: readonly string[]
  readonly properties: readonly (readonly [string, string])[]
  readonly query: string
}

/** `.export [async] [compressed] to csv|tsv|json|parquet ("storage", ...) [with (...)] <| query` */
export function parseExport(text: string): ExportCommand {
  const scanner = new Scanner(text)
  scanner.expect('.', 'export')
  scanner.accept('async')
  const compressed = scanner.accept('compressed')
  scanner.expect('to')
  const format = (['csv', 'tsv', 'json', 'parquet'] as const).find((word) => scanner.accept(word))
  if (format === undefined) throw syntaxError('expected csv, tsv, json or parquet', scanner.next.start)
  const destinations = scanner.list(() => {
    let destination = scanner.string()
    while (scanner.next.kind === 'string') destination += scanner.string()
    return destination
  })
  const properties = scanner.properties()
  scanner.expect('<|')
  const query = scanner.rest().trim()
  if (query === '') throw syntaxError('expected a query after <|', scanner.next.start)
  return { format, compressed, destinations, properties, query }
}
