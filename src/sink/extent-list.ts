import type { CommandRow } from '../client/command-table.ts'
import { KustoProtocolError } from '../errors.ts'
import { showExtents, showExtentsWithTag } from '../kql/commands/extent-commands.ts'
import type { ExtentWindow } from '../kql/commands/extent-commands.ts'
import type { SinkContext } from './sink-context.ts'

/** An extent as the service lists it. */
export interface ListedExtent {
  /** In lower case. */
  readonly id: string
  readonly rows: number
  /** Milliseconds since 1970, by the service's clock. */
  readonly createdFromMs: number
  readonly createdToMs: number
  readonly tags: readonly string[]
}

/** The extents of a table, or those that carry a tag. */
export async function listExtents(
  context: SinkContext,
  { table, tag }: { readonly table: string; readonly tag?: string | undefined },
  signal: AbortSignal | undefined,
): Promise<readonly ListedExtent[]> {
  const command = tag === undefined ? showExtents(table) : showExtentsWithTag(table, tag)
  return (await context.command(command, signal)).map(listed)
}

export function rowsOf(extents: readonly ListedExtent[]): number {
  return extents.reduce((sum, { rows }) => sum + rows, 0)
}

const DAY_MS = 86_400_000

/** A time in which all of these were created, by the service's own clock, with a day to spare at both ends. */
export function windowOf(extents: readonly ListedExtent[]): ExtentWindow {
  const from = extents.reduce((least, { createdFromMs }) => Math.min(least, createdFromMs), Infinity)
  const to = extents.reduce((most, { createdToMs }) => Math.max(most, createdToMs), -Infinity)
  return { from: new Date(Math.max(from - DAY_MS, MIN_MS)), to: new Date(Math.min(to + DAY_MS, MAX_MS)) }
}

/** Year 1 and year 9999, the ends of datetime. */
const MIN_MS = Date.parse('0001-01-01T00:00:00Z')
const MAX_MS = Date.UTC(9999, 11, 31)

function listed(row: CommandRow): ListedExtent {
  const createdTo = dateOf(row, 'MaxCreatedOn')
  return {
    id: row.text('ExtentId').toLowerCase(),
    rows: numberOf(row, 'RowCount'),
    createdFromMs: row.has('MinCreatedOn') ? dateOf(row, 'MinCreatedOn') : createdTo,
    createdToMs: createdTo,
    tags: row
      .text('Tags')
      .split(/\r?\n/)
      .filter((tag) => tag !== ''),
  }
}

function numberOf(row: CommandRow, column: string): number {
  const value = row.number(column)
  if (value !== undefined && Number.isSafeInteger(value)) return value
  throw badExtent(`a number in ${column}`, row.text(column))
}

function dateOf(row: CommandRow, column: string): number {
  const value = Date.parse(row.text(column))
  if (!Number.isNaN(value)) return value
  throw badExtent(`a date in ${column}`, row.text(column))
}

function badExtent(expected: string, found: string): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BAD_ANSWER', `expected ${expected} of an extent, found ${found}`)
}
