import { CATALOG_FORMAT, CATALOG_SCHEMA } from './catalog-sql.ts'
import { EMPTY_STATE, type CatalogState, type DatabaseRecord, type TableRecord } from './catalog-state.ts'
import type { DuckSession } from './duck.ts'
import { inTransaction } from './transaction.ts'
import { KustoUsageError } from '../../errors.ts'

/** What a database file held when it was opened. */
export interface StoredCatalog {
  readonly state: CatalogState
  /** The first extent ordinal that is free. */
  readonly nextOrdinal: bigint
}

/**
 * Reads the catalog of a database file, or prepares an empty one.
 * @throws {KustoUsageError} LOCAL_DATA_FORMAT when another version wrote the file
 */
export async function loadCatalog(session: DuckSession): Promise<StoredCatalog> {
  return inTransaction(session, async () => {
    for (const statement of CATALOG_SCHEMA) await session.run(statement)
    const [meta] = await session.rows('SELECT format, version, next_id FROM catalog.meta')
    if (meta === undefined) {
      await session.run(`INSERT INTO catalog.meta VALUES (${CATALOG_FORMAT}, 0, ${EMPTY_STATE.nextId})`)
      return { state: EMPTY_STATE, nextOrdinal: 1n }
    }
    if (meta[0] !== CATALOG_FORMAT) {
      throw new KustoUsageError(
        'LOCAL_DATA_FORMAT',
        `expected a data folder of format ${CATALOG_FORMAT}, found format ${String(meta[0])}`,
      )
    }
    // The records below were written by stateDifference from values of these very types.
    const databases = (await bodies(session, 'databases')) as readonly DatabaseRecord[]
    const tables = (await bodies(session, 'tables')) as readonly TableRecord[]
    const [last] = await session.rows('SELECT coalesce(max(ordinal), 0) FROM catalog.extents')
    return {
      state: {
        version: Number(meta[1]),
        nextId: Number(meta[2]),
        databases: new Map(databases.map((record) => [record.id, record])),
        tables: new Map(tables.map((record) => [record.id, record])),
      },
      nextOrdinal: (typeof last?.[0] === 'bigint' ? last[0] : 0n) + 1n,
    }
  })
}

async function bodies(session: DuckSession, kind: 'databases' | 'tables'): Promise<readonly unknown[]> {
  const rows = await session.rows(`SELECT body FROM catalog.${kind} ORDER BY id`)
  return rows.map(([body]): unknown => JSON.parse(String(body)))
}
