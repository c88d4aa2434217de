import type { KustoConnector } from '../connector.ts'
import type { KustoColumn, ScalarName } from '../arrow/scalar-types.ts'
import { kustoColumns } from '../arrow/kusto-columns.ts'
import { KustoProtocolError } from '../errors.ts'
import { join, Kql, kql, name } from '../kql/kql.ts'
import type { BenchmarkAnswer } from './benchmark-result.ts'

/** A prime, small enough for a sum over billions of rows to fit a long. */
const MODULUS = Kql.raw('2147483647')
const HASHED_AS_THEY_ARE: readonly ScalarName[] = ['string', 'int', 'long', 'datetime', 'timespan']

/** What a table holds as the service counts and hashes it: rows, and for each column a sum of hashes and the nulls. */
export async function fetchWrittenAnswer(
  kusto: KustoConnector,
  table: string,
  signal: AbortSignal,
): Promise<BenchmarkAnswer> {
  const columns = kustoColumns(await kusto.read(table, { mode: 'single', signal }).schema())
  const sums = columns.map((column, index) => columnSums(column, index))
  const query = kql`${name(table)} | summarize ${join([kql`rows = count()`, ...sums], ', ')}`
  const answer = await kusto.query(query, { signal }).table()
  const cell = (column: string): string => String(answer.getChild(column)?.get(0) ?? '')
  const rows = Number(cell('rows'))
  if (answer.numRows !== 1 || !Number.isSafeInteger(rows)) {
    throw new KustoProtocolError('KUSTO_BAD_ANSWER', `expected the rows of table ${table}, found none`)
  }
  const entries = columns.map(({ name: column, type }, index) => [
    column,
    type === 'string' ? cell(`h${index}`) : `${cell(`h${index}`)} and ${cell(`n${index}`)} null`,
  ])
  return { rows, columns: Object.fromEntries(entries) as Readonly<Record<string, string>> }
}

function columnSums({ name: column, type }: KustoColumn, index: number): Kql {
  const value = HASHED_AS_THEY_ARE.includes(type) ? name(column) : kql`tostring(${name(column)})`
  const sum = kql`${Kql.raw(`h${index}`)} = sum(hash(${value}, ${MODULUS}))`
  return type === 'string' ? sum : kql`${sum}, ${Kql.raw(`n${index}`)} = countif(isnull(${name(column)}))`
}
