import { DataType, Field, Schema } from 'apache-arrow'
import { kustoType, typeName } from '../arrow/kusto-columns.ts'
import { arrowSchema, KUSTO_TYPE_KEY, scalarNameOf } from '../arrow/scalar-types.ts'
import type { KustoColumn, ScalarName, TypeSettings } from '../arrow/scalar-types.ts'
import { KustoDataError, KustoUsageError } from '../errors.ts'

/** The columns a caller says a query has, and the Arrow schema wanted for them. */
export interface DeclaredSchema {
  readonly columns: readonly KustoColumn[]
  readonly arrow: Schema
}

/** Text of columns, `a:long, ['b c']:string`, or an Arrow schema of types that reading can give. */
export function declaredSchema(schema: string | Schema, types: TypeSettings): DeclaredSchema {
  if (typeof schema === 'string') {
    const columns = parseColumns(schema)
    return { columns: distinctColumns(columns), arrow: arrowSchema(columns, types) }
  }
  const columns = distinctColumns(
    schema.fields.map((field) => {
      if (isReadable(field.type)) return { name: field.name, type: kustoTypeOf(field) }
      throw badSchema(`a type that reading gives for column ${field.name}, found ${typeName(field.type)}`)
    }),
  )
  const fields = schema.fields.map((field, index) => {
    const metadata = new Map(field.metadata).set(KUSTO_TYPE_KEY, columns[index]?.type ?? 'string')
    return new Field(field.name, field.type, field.nullable, metadata)
  })
  return { columns, arrow: new Schema(fields, schema.metadata) }
}

/** The Kusto type of a column that was read: its metadata, which knows ticks from a long, else its Arrow type's own. */
export function kustoTypeOf(field: Field): ScalarName {
  return scalarNameOf(field.metadata.get(KUSTO_TYPE_KEY) ?? '') ?? kustoType(field)
}

/** The Kusto columns of a schema that was read. */
export function columnsOf(schema: Schema): readonly KustoColumn[] {
  return schema.fields.map((field) => ({ name: field.name, type: kustoTypeOf(field) }))
}

/** What may stand in a column of the declared type, besides that type itself. Values are checked one by one. */
const FITS: Readonly<Partial<Record<ScalarName, readonly ScalarName[]>>> = {
  int: ['long', 'real'],
  long: ['int', 'real', 'timespan'],
  real: ['int', 'long'],
  string: ['guid', 'dynamic'],
  guid: ['string'],
  dynamic: ['string'],
}

/**
 * Compares the columns of a result with those that were declared.
 * @throws {KustoDataError} KUSTO_DECLARED_MISMATCH naming all columns that are missing or of a type that does not fit
 */
export function checkDeclared(declared: readonly KustoColumn[], found: readonly KustoColumn[]): void {
  const types = new Map(found.map((column) => [column.name, column.type]))
  const wrong = declared.flatMap(({ name, type }) => {
    const actual = types.get(name)
    if (actual === type || (actual !== undefined && FITS[type]?.includes(actual) === true)) return []
    return [`column ${name} as ${type}, found ${actual ?? 'no such column'}`]
  })
  if (wrong.length === 0) return
  throw new KustoDataError('KUSTO_DECLARED_MISMATCH', `expected ${wrong.join('; expected ')}`)
}

const COLUMN =
  /\s*(?:\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\]|([^\s:,[\]'"]+))\s*:\s*([A-Za-z0-9]+)\s*(,|$)/y

function parseColumns(text: string): readonly KustoColumn[] {
  const columns: KustoColumn[] = []
  const column = new RegExp(COLUMN)
  let goesOn = true
  while (goesOn) {
    const at = column.lastIndex
    const [, single, double, bare, typeText = '', comma] = column.exec(text) ?? []
    const name = bare ?? unescaped(single ?? double)
    const type = scalarNameOf(typeText)
    if (name === undefined || type === undefined) {
      throw badSchema(`columns such as a:long, ['b c']:string, found ${JSON.stringify(text.slice(at, at + 60))}`)
    }
    columns.push({ name, type })
    goesOn = comma === ','
  }
  return columns
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
])

/** The characters between the quotes of a KQL literal. */
function unescaped(text: string | undefined): string | undefined {
  return text?.replaceAll(/\\(?:u([\dA-Fa-f]{4})|(.))/g, (_, hex: string | undefined, character: string = '') =>
    hex === undefined ? (ESCAPES.get(character) ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

function distinctColumns(columns: readonly KustoColumn[]): readonly KustoColumn[] {
  if (columns.length === 0) throw badSchema('at least one column, found none')
  const names = columns.map((column) => column.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return columns
  throw badSchema(`different column names, found ${twice} twice`)
}

/** The types that decoding and casting make. */
function isReadable(type: DataType): boolean {
  if (DataType.isInt(type)) return type.isSigned && type.bitWidth >= 32
  if (DataType.isFloat(type)) return type.ArrayType === Float64Array
  if (DataType.isDecimal(type)) return type.bitWidth === 128
  if (DataType.isFixedSizeBinary(type)) return type.byteWidth === 16
  return DataType.isBool(type) || DataType.isUtf8(type) || DataType.isTimestamp(type) || DataType.isDuration(type)
}

function badSchema(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_SCHEMA', `expected a schema with ${message}`)
}
