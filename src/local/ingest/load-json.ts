import { join } from 'node:path'
import { castTo } from '../kql/casts.ts'
import { quoteText, sqlLiteral } from '../kql/sql.ts'
import type { Column } from '../lang/syntax.ts'
import { LocalError, notSupported } from '../server/local-error.ts'
import { duckJsonPath, parseJsonPath, type PathStep } from './json-path.ts'
import { jsonLines, multiJson } from './json-records.ts'
import { type CsvFile, epochUnit, epochValue, readCsv, sourceValue, withLineNumbers } from './load-delimited.ts'
import type { LoadPlan, LoadRequest } from './load.ts'
import type { MappedColumn } from './mapping.ts'
import { writeRecords } from './rewrite-records.ts'
import { DECIMAL_RANGE, textToColumn } from './text-to-column.ts'

/** Plans a JSON Lines or multijson file: its records become a CSV file of one field, whose parts DuckDB extracts. */
export async function planJson(request: LoadRequest): Promise<Omit<LoadPlan, 'bytes'>> {
  const target = join(request.scratch, 'records.csv')
  const records = request.format === 'json' ? jsonLines(request.file) : multiJson(request.file)
  const written = await writeRecords(target, records, 1)
  const csv: CsvFile = { file: target, separator: ',', fields: 1, ...written }
  const skip = request.ignoreFirstRecord === true ? 1 : 0
  const numbered = request.mapping?.some(({ transform }) => transform === 'SourceLineNumber') === true
  const paths = mappedPaths(request.mapping ?? [])
  // Each path is extracted once, in an inner query, because the conversions mention their input several times.
  const inner: string[] = []
  const values = request.columns.map((column, index) => {
    const mapped: MappedColumn | undefined =
      request.mapping === undefined
        ? { column: column.name, path: `$[${JSON.stringify(column.name)}]` }
        : request.mapping.find((entry) => entry.column === column.name)
    const name = `f${index}`
    const { extract, value } = valueOf({ column, mapped, name, source: request.sourceLocation, paths })
    if (extract !== undefined) inner.push(`${extract} AS ${name}`)
    return value
  })
  if (numbered) inner.push('line')
  const source = numbered ? withLineNumbers(csv, skip) : readCsv(csv, skip)
  return {
    select: `SELECT ${values.join(', ')} FROM (SELECT ${inner.length === 0 ? '1' : inner.join(', ')} FROM ${source})`,
    records: Math.max(0, written.records - skip),
  }
}

interface ValueRequest {
  readonly column: Column
  readonly mapped: MappedColumn | undefined
  /** Name under which the inner query gives the extracted text. */
  readonly name: string
  readonly source: string
  readonly paths: readonly (readonly PathStep[])[]
}

function valueOf({ column, mapped, name, source, paths }: ValueRequest): {
  readonly extract?: string
  readonly value: string
} {
  const { type } = column
  if (mapped === undefined) return { value: sqlLiteral(null, type) }
  const { transform, constValue } = mapped
  if (transform === 'SourceLocation' || transform === 'SourceLineNumber')
    return { value: sourceValue(column, transform, source) }
  if (constValue !== undefined) return { value: castTo({ sql: quoteText(constValue), type: 'string' }, type) }
  const steps = parseJsonPath(mapped.path ?? '$')
  if (transform === 'DropMappedFields') {
    return { extract: `(${withoutMappedFields(steps, paths)})`, value: textToColumn(name, type) }
  }
  const json = steps.length === 0 ? 'r0' : `json_extract(r0, ${quoteText(duckJsonPath(steps))})::VARCHAR`
  if (transform === 'PropertyBagArrayToDictionary')
    return { extract: bagArrayToBag(json), value: textToColumn(name, type) }
  if (type === 'dynamic') return { extract: json, value: textToColumn(name, type) }
  const extract = steps.length === 0 ? 'r0' : `json_extract_string(r0, ${quoteText(duckJsonPath(steps))})`
  if (type === 'decimal') return { extract: exactNumber(extract, duckJsonPath(steps)), value: textToColumn(name, type) }
  const unit = epochUnit(mapped)
  return { extract, value: unit === undefined ? textToColumn(name, type) : epochValue(name, unit, column) }
}

/** DuckDB reads a JSON number with a fraction as a double: one of more than 15 digits may not be what was written. */
function exactNumber(text: string, path: string): string {
  const digits = `strlen(regexp_replace(${text}, '[eE].*|[^0-9]', '', 'g'))`
  return `CASE WHEN json_type(r0, ${quoteText(path)}) = 'DOUBLE' AND ${digits} > 16 THEN error('${DECIMAL_RANGE}: ' || ${text}) ELSE ${text} END`
}

function mappedPaths(mapping: readonly MappedColumn[]): readonly (readonly PathStep[])[] {
  return mapping.flatMap(({ path, transform }) =>
    path === undefined || transform === 'DropMappedFields' ? [] : [parseJsonPath(path)],
  )
}

/** `[{"a":1},{"b":2}]` to `{"a":1,"b":2}`; anything but an array of bags becomes null. */
export function bagArrayToBag(json: string): string {
  const items = `json_extract(${json}, '$[*]')`
  const parts = `list_transform(list_filter(${items}, lambda item: item::VARCHAR <> '{}'), lambda item: (item::VARCHAR)[2:-2])`
  const allBags = `len(list_filter(${items}, lambda item: NOT starts_with(item::VARCHAR, '{'))) = 0`
  return `CASE WHEN json_type(${json}) = 'ARRAY' AND ${allBags} THEN '{' || array_to_string(${parts}, ',') || '}' END`
}

/** The record without the top-level fields that other elements of the mapping take. */
function withoutMappedFields(steps: readonly PathStep[], paths: readonly (readonly PathStep[])[]): string {
  if (steps.length > 0) throw notSupported('the transform DropMappedFields below the root of the record')
  const names = paths
    .filter((path) => path.length > 0)
    .map((path) => {
      const [first] = path
      if (path.length > 1 || typeof first !== 'string')
        throw notSupported('the transform DropMappedFields beside nested paths')
      return first
    })
  if (new Set(names).size !== names.length) throw new LocalError('BadRequest_InvalidMapping', 'a path is mapped twice')
  const dropped = `[${names.map(quoteText).join(', ')}]::VARCHAR[]`
  const kept = `list_filter(json_keys(r0), lambda k: NOT list_contains(${dropped}, k))`
  return (
    `'{' || array_to_string(list_transform(${kept}, lambda k: to_json(k)::VARCHAR || ':' ||` +
    ` json_extract(r0, '$.' || to_json(k)::VARCHAR)::VARCHAR), ',') || '}'`
  )
}
