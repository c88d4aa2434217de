import { type DataType, type Decimal, type Field, type Schema, Type } from 'apache-arrow'
import { KUSTO_TYPE_KEY } from './scalar-types.ts'

/**
 * Explains how a schema differs from the expected one in names, order, types or the metadata that decides a Kusto type;
 * undefined when it does not. Nullability and dictionary ids do not matter.
 */
export function schemaDrift(expected: Schema, found: Schema): string | undefined {
  if (expected === found) return undefined
  const wanted = expected.fields.map(describe)
  const given = found.fields.map(describe)
  const odd = wanted.findIndex((text, index) => text !== given[index])
  if (odd >= 0) return `expected column ${odd} to be ${wanted[odd] ?? ''}, found ${given[odd] ?? 'none'}`
  return given.length > wanted.length
    ? `expected ${wanted.length} columns, found also ${given[wanted.length] ?? ''}`
    : undefined
}

function describe(field: Field): string {
  const marks = [field.metadata.get(KUSTO_TYPE_KEY), field.metadata.get('ARROW:extension:name')].filter(
    (mark) => mark !== undefined,
  )
  return `${field.name}: ${typeText(field.type)}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`
}

function typeText(type: DataType): string {
  const text = (type as { toString(): string }).toString()
  return type.typeId === Type.Decimal ? `${text}/${(type as Decimal).bitWidth}` : text
}
