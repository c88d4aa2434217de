import { KustoServiceError, SCALAR_NAMES } from '../index.ts'
import type { KustoConnector } from '../index.ts'
import type { TextColumn } from './typed-batches.ts'
import { usageError } from './usage-error.ts'

/** Columns as text: `a:long, b:datetime`; a name with other characters than letters, digits and `_` in `['...']`. */
export function parseTypes(text: string | undefined): readonly TextColumn[] {
  if (text === undefined || text.trim() === '') return []
  const columns: TextColumn[] = []
  const pattern = /\s*(?:\['((?:[^'\\]|\\.)*)'\]|([\p{L}_][\p{L}\p{N}_]*))\s*:\s*(\w+)\s*(?:,|$)/uy
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    const type = SCALAR_NAMES.find((known) => known === match?.[3])
    if (match === null || type === undefined) {
      throw usageError(
        `expected --types such as a:long, b:datetime of the types ${SCALAR_NAMES.join(', ')}, found ${text}`,
      )
    }
    columns.push({ name: (match[1] ?? match[2] ?? '').replaceAll(/\\(.)/g, '$1'), type })
  }
  return columns
}

/** The columns of a table as the service has them; undefined when there is none of that name. */
export async function tableTypes(
  kusto: KustoConnector,
  table: string,
  signal: AbortSignal,
): Promise<readonly TextColumn[] | undefined> {
  const name = table.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
  try {
    const { rows } = await kusto.command(`.show table ['${name}'] cslschema`, { signal }).rows()
    return parseTypes(rows[0]?.text('Schema'))
  } catch (error) {
    const isMissing =
      error instanceof KustoServiceError &&
      /EntityNotFound|EntityNotFoundException|was not found/i.test(
        `${error.code} ${error.innerCode ?? ''} ${error.message}`,
      )
    if (isMissing) return undefined
    throw error
  }
}
