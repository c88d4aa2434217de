import { KustoUsageError } from '../errors.ts'
import { name } from './kql.ts'
import type { Kql } from './kql.ts'

/**
 * A table by its name. Names hold letters, digits, `_`, blanks, dots and dashes; anything else is a query that was meant to be
 * a template.
 * @throws {KustoUsageError} KUSTO_NOT_A_TABLE
 */
export function tableNamed(text: string): Kql {
  if (/^[\p{L}\p{N}_ .-]+$/u.test(text)) return name(text)
  throw new KustoUsageError(
    'KUSTO_NOT_A_TABLE',
    'expected the name of a table, found a query: write it as kql`...`, or send the text as it is with query()',
  )
}
