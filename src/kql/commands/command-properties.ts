import { KustoUsageError } from '../../errors.ts'
import { join, Kql, kql, secret, text } from '../kql.ts'

/** A property of `with (...)`, already as KQL; undefined leaves it out. */
export type CommandProperty = readonly [name: string, value: Kql | undefined]

/** ` with (a=1, b="x")`, or nothing when no property is given. */
export function withProperties(properties: readonly CommandProperty[]): Kql {
  const given = properties.flatMap(([name, value]) =>
    value === undefined ? [] : [kql`${Kql.raw(propertyName(name))}=${value}`],
  )
  return given.length === 0 ? kql`` : kql` with (${join(given, ', ')})`
}

/** A property's value from plain data: text is quoted, numbers and booleans stand bare. */
export function propertyValue(value: string | number | bigint | boolean): Kql {
  return typeof value === 'string' ? text(value) : Kql.raw(String(value))
}

/**
 * The name as it is, if it is a plain word.
 * @throws {KustoUsageError} KUSTO_BAD_PROPERTY_NAME otherwise, since names of properties cannot be quoted
 */
export function propertyName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name
  throw new KustoUsageError('KUSTO_BAD_PROPERTY_NAME', `expected letters, digits and _, found ${JSON.stringify(name)}`)
}

/**
 * A storage connection string, masked as a whole in the service's logs. Splitting it so that its place stays readable
 * would need adjacent literals, which Microsoft's grammar does not take here.
 */
export function storageString(connectionString: string): Kql {
  return secret(connectionString)
}
