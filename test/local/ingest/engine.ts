import { type Catalog, openCatalog } from '../../../src/local/engine/catalog.ts'
import { type Duck, type DuckSession, openDuck } from '../../../src/local/engine/duck.ts'
import { columnsOf } from './loading.ts'

/** A catalog with the database `db` over DuckDB in memory. */
export interface Engine {
  readonly duck: Duck
  readonly catalog: Catalog
  readonly session: DuckSession
  create(name: string, schema: string): Promise<void>
  /** Rows of a table as text, ordered. */
  rows(name: string): Promise<unknown[][]>
  close(): Promise<void>
}

export async function openEngine(): Promise<Engine> {
  const duck = await openDuck()
  const catalog = await openCatalog(duck, { database: 'db', language: { setDatabases: () => undefined } })
  const session = await duck.connect()
  return {
    duck,
    catalog,
    session,
    async create(name, schema) {
      await catalog.createTable('db', { name, columns: columnsOf(schema), folder: '', docString: '' })
    },
    async rows(name) {
      const table = catalog.requireTable('db', name)
      const columns = table.columns.map(({ physical }) => `${physical}::VARCHAR`).join(', ')
      return (await session.rows(`SELECT ${columns} FROM ${table.physical} ORDER BY ALL`)).map((row) => [...row])
    },
    async close() {
      session.close()
      catalog.close()
      await duck.close()
    },
  }
}
