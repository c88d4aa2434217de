import { parseTimespan, ticksFromUnixMs } from '../../base/ticks.ts'
import type { Column } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import { EXTENT_COLUMN, physicalColumnName, physicalTableName, stateDifference, touchedTables } from './catalog-sql.ts'
import {
  findDatabase,
  findTable,
  tablesOf,
  type CatalogState,
  type DatabaseRecord,
  type MappingRecord,
  type TableRecord,
} from './catalog-state.ts'
import { loadCatalog } from './catalog-store.ts'
import type { Duck, DuckSession } from './duck.ts'
import { databaseNotExist, tableNotExist } from './entity-errors.ts'
import { appendExtent, dropExtents, NO_EXTENT, readExtents } from './extents.ts'
import { KeyedLocks } from './keyed-locks.ts'
import { addDatabase, createMergeTable, createTable, dropTables, type TableSpec } from './table-edits.ts'
import { inTransaction, rollBack } from './transaction.ts'

/** A table as queries and ingestion see it. A snapshot: a later change of the table makes a new entry. */
export interface TableEntry {
  readonly id: number
  readonly guid: string
  readonly database: string
  readonly name: string
  readonly columns: readonly (Column & { readonly id: number; readonly physical: string; readonly docString: string })[]
  readonly physical: string
  readonly hidden: boolean
  readonly folder: string
  readonly docString: string
}

/** What the translator needs of a table. */
export interface StoredTable {
  readonly sql: string
  readonly columns: readonly (Column & { readonly physical: string })[]
  readonly extentColumn: string
}

export interface IngestRequest {
  readonly table: TableEntry
  /** SQL that gives one column per table column, in table order, in the internal representation. */
  readonly select: string
  readonly tags?: readonly string[] | undefined
  /** Values of `ingest-by:` tags, without the prefix: when an extent of the table has one, nothing is ingested. */
  readonly ingestIfNotExists?: readonly string[] | undefined
  /** datetime ticks; default now. */
  readonly creationTicks?: bigint | undefined
  /** Bytes before compression; measured when absent. */
  readonly originalSize?: number | undefined
  /** Drops what the table holds, in the same transaction. */
  readonly replace?: boolean
}

export interface IngestOutcome {
  /** The zero guid when no extent came to be. */
  readonly extentId: string
  readonly rowCount: number
  readonly size: number
  /** True when `ingestIfNotExists` found its tag. */
  readonly skipped: boolean
}

/** Who has to know the schema, for name binding. */
export interface SchemaListener {
  setDatabases(
    databases: readonly {
      readonly name: string
      readonly tables: readonly { readonly name: string; readonly columns: readonly Column[] }[]
    }[],
  ): void
}

const CATALOG_LOCK = 'catalog'
const tableLock = (id: number): string => `table ${id}`

/**
 * Databases, tables, mappings, policies and extents of one embedded Kusto, kept in DuckDB.
 *
 * Who waits for whom: a change of the catalog holds the catalog lock, and the locks of the tables whose stored columns
 * it touches; a change of data holds the locks of its tables. So changes of one table happen one after another. Queries
 * hold no lock: they read a DuckDB snapshot (see `read`).
 */
export class Catalog {
  readonly #session: DuckSession
  readonly #listener: SchemaListener
  readonly #locks = new KeyedLocks()
  #state: CatalogState
  #nextOrdinal: bigint

  constructor(session: DuckSession, listener: SchemaListener, state: CatalogState, nextOrdinal: bigint) {
    this.#session = session
    this.#listener = listener
    this.#state = state
    this.#nextOrdinal = nextOrdinal
  }

  /** The catalog as it is now; immutable. */
  get state(): CatalogState {
    return this.#state
  }

  databases(): readonly DatabaseRecord[] {
    return [...this.#state.databases.values()]
  }

  /** Database names are case-insensitive. */
  database(name: string): DatabaseRecord | undefined {
    return findDatabase(this.#state, name)
  }

  tables(database: string): readonly TableEntry[] {
    const record = this.database(database)
    return record === undefined ? [] : tablesOf(this.#state, record.id).map((table) => entryOf(record, table))
  }

  table(database: string, name: string): TableEntry | undefined {
    const record = this.database(database)
    const table = record === undefined ? undefined : findTable(this.#state, record.id, name)
    return record === undefined || table === undefined ? undefined : entryOf(record, table)
  }

  physicalTable(database: string, name: string): StoredTable | undefined {
    const entry = this.table(database, name)
    return entry === undefined
      ? undefined
      : { sql: entry.physical, columns: entry.columns, extentColumn: EXTENT_COLUMN }
  }

  /** A stored mapping; the table's wins over its database's. Kind is case-insensitive, name is not. */
  mapping(database: string, table: string, kind: string, name: string): MappingRecord | undefined {
    const record = this.database(database)
    if (record === undefined) return undefined
    const wanted = kind.toLowerCase()
    const of = (mappings: readonly MappingRecord[] | undefined): MappingRecord | undefined =>
      mappings?.find((mapping) => mapping.kind === wanted && mapping.name === name)
    return of(findTable(this.#state, record.id, table)?.mappings) ?? of(record.mappings)
  }

  /** JSON text of the policy in force; the table's wins over its database's. */
  policy(database: string, table: string | undefined, name: string): string | undefined {
    const record = this.database(database)
    if (record === undefined) return undefined
    const own = table === undefined ? undefined : findTable(this.#state, record.id, table)?.policies[name]
    return own ?? record.policies[name]
  }

  /**
   * Changes the catalog: all of the edit is stored and visible, or nothing. Returns the state after.
   * An edit that returns its argument unchanged stores nothing.
   */
  async change(edit: (state: CatalogState) => CatalogState): Promise<CatalogState> {
    return this.#locks.hold([CATALOG_LOCK], async () => {
      const before = this.#state
      const edited = edit(before)
      if (edited === before) return before
      const after = { ...edited, version: before.version + 1 }
      await this.#locks.hold(touchedTables(before, after).map(tableLock), async () => {
        await inTransaction(this.#session, async () => {
          for (const statement of stateDifference(before, after)) await this.#session.run(statement)
        })
        this.#state = after
        this.#announce()
      })
      return after
    })
  }

  async createDatabase(name: string): Promise<void> {
    await this.change((state) => addDatabase(state, name))
  }

  /** Leaves a table that exists exactly as it is. */
  async createTable(database: string, spec: TableSpec): Promise<TableEntry> {
    await this.change((state) => createTable(state, requireDatabase(state, database).id, spec))
    return this.requireTable(database, spec.name)
  }

  /** Creates the table or appends the columns that it lacks. */
  async createMergeTable(database: string, spec: TableSpec): Promise<TableEntry> {
    await this.change((state) => createMergeTable(state, requireDatabase(state, database).id, spec))
    return this.requireTable(database, spec.name)
  }

  /** Drops the table with its data; tells whether there was one. */
  async dropTable(database: string, name: string): Promise<boolean> {
    const before = this.#state.tables.size
    const after = await this.change((state) => {
      const table = findTable(state, requireDatabase(state, database).id, name)
      return table === undefined ? state : dropTables(state, [table.id])
    })
    return after.tables.size < before
  }

  /** @throws {LocalError} BadRequest_DatabaseNotExist, BadRequest_TableNotExist */
  requireTable(database: string, name: string): TableEntry {
    if (this.database(database) === undefined) throw databaseNotExist(database)
    const entry = this.table(database, name)
    if (entry === undefined) throw tableNotExist(name)
    return entry
  }

  /**
   * Appends to tables, all requests in one transaction. Each request gives at most one extent. Requests for one table
   * happen one after another, so `ingestIfNotExists` cannot be passed twice.
   * @throws {LocalError} General_Conflict when a table changed since its entry was read: repeat with a new entry
   */
  async ingest(session: DuckSession, requests: readonly IngestRequest[]): Promise<readonly IngestOutcome[]> {
    return this.withTables(
      session,
      requests.map(({ table }) => table.id),
      async () => {
        const outcomes: IngestOutcome[] = []
        for (const request of requests) outcomes.push(await this.#ingestOne(session, request))
        return outcomes
      },
    )
  }

  /** Runs `work` in one transaction of the session while nobody else changes these tables. */
  async withTables<R>(session: DuckSession, tableIds: readonly number[], work: () => Promise<R>): Promise<R> {
    return this.#locks.hold(tableIds.map(tableLock), () => inTransaction(session, work))
  }

  /**
   * Makes a plan and opens the transaction it must run in: the snapshot of the session is the very schema that the plan
   * was made for, whatever is altered or dropped meanwhile. The caller ends the transaction (or closes the session).
   */
  async read<R>(session: DuckSession, plan: () => Promise<R>): Promise<R> {
    for (;;) {
      const { version } = this.#state
      await session.run('BEGIN TRANSACTION')
      try {
        const [stored] = await session.rows('SELECT version FROM catalog.meta')
        const planned = await plan()
        if (Number(stored?.[0]) === version && this.#state.version === version) return planned
      } catch (error) {
        await rollBack(session)
        // A plan may fail because names were bound to one version and looked up in the next.
        if (this.#state.version === version) throw error
      }
      await rollBack(session)
      // A change is being committed: wait for its end.
      await this.#locks.hold([CATALOG_LOCK], () => Promise.resolve())
    }
  }

  close(): void {
    this.#session.close()
  }

  async #ingestOne(session: DuckSession, request: IngestRequest): Promise<IngestOutcome> {
    const table = this.#currentRecord(request.table)
    const nothing = { extentId: NO_EXTENT, rowCount: 0, size: 0 }
    const extents =
      request.replace === true || (request.ingestIfNotExists ?? []).length > 0
        ? await readExtents(session, { tableIds: [table.id] })
        : []
    const wanted = new Set((request.ingestIfNotExists ?? []).map((value) => `ingest-by:${value}`))
    if (extents.some(({ tags }) => tags.some((tag) => wanted.has(tag)))) return { ...nothing, skipped: true }
    const now = ticksFromUnixMs(Date.now())
    this.#checkCreationTime(table, request.creationTicks, now)
    const extent = await appendExtent(session, {
      table,
      ordinal: this.#nextOrdinal++,
      select: request.select,
      tags: request.tags ?? [],
      createdTicks: request.creationTicks ?? now,
      ingestedTicks: this.#keepsIngestionTime(table) ? now : null,
      originalSize: request.originalSize,
    })
    // After the append, because the data may come from the very rows that it replaces.
    if (request.replace === true) await dropExtents(session, extents)
    if (extent === undefined) return { ...nothing, skipped: false }
    const { extentId, rowCount, size } = extent
    return { extentId, rowCount: Number(rowCount), size: Number(size), skipped: false }
  }

  #currentRecord(entry: TableEntry): TableRecord {
    const table = this.#state.tables.get(entry.id)
    if (table === undefined) throw tableNotExist(entry.name)
    const same =
      table.columns.length === entry.columns.length &&
      table.columns.every(({ id }, index) => id === entry.columns[index]?.id)
    if (!same) {
      throw new LocalError('General_Conflict', `table '${entry.name}' was altered while data was prepared for it`, {
        status: 409,
        permanent: false,
      })
    }
    return table
  }

  #keepsIngestionTime(table: TableRecord): boolean {
    return this.#policyOf(table, 'ingestiontime')?.['IsEnabled'] !== false
  }

  #checkCreationTime(table: TableRecord, creationTicks: bigint | undefined, now: bigint): void {
    const period = this.#policyOf(table, 'retention')?.['SoftDeletePeriod']
    if (creationTicks === undefined || typeof period !== 'string') return
    if (creationTicks >= now - parseTimespan(period)) return
    throw new LocalError(
      'BadRequest_CreationTimeEarlierThanSoftDeletePeriod',
      `the creation time is earlier than the soft delete period of table '${table.name}', ${period}`,
    )
  }

  #policyOf(table: TableRecord, name: string): Readonly<Record<string, unknown>> | undefined {
    const text = table.policies[name] ?? this.#state.databases.get(table.databaseId)?.policies[name]
    return text === undefined ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>)
  }

  #announce(): void {
    this.#listener.setDatabases(
      this.databases().map((database) => ({
        name: database.name,
        tables: tablesOf(this.#state, database.id).map(({ name, columns }) => ({ name, columns })),
      })),
    )
  }

  /** Tells the listener about the schema as loaded. Called once, by openCatalog. */
  announceLoaded(): void {
    this.#announce()
  }
}

/** Opens the catalog of a DuckDB instance and makes sure that the database exists. */
export async function openCatalog(
  duck: Duck,
  options: { readonly database: string; readonly language: SchemaListener },
): Promise<Catalog> {
  const session = await duck.connect()
  try {
    const { state, nextOrdinal } = await loadCatalog(session)
    const catalog = new Catalog(session, options.language, state, nextOrdinal)
    if (catalog.database(options.database) === undefined) await catalog.createDatabase(options.database)
    else catalog.announceLoaded()
    return catalog
  } catch (error) {
    session.close()
    throw error
  }
}

function requireDatabase(state: CatalogState, name: string): DatabaseRecord {
  const record = findDatabase(state, name)
  if (record === undefined) throw databaseNotExist(name)
  return record
}

function entryOf(database: DatabaseRecord, table: TableRecord): TableEntry {
  return {
    id: table.id,
    guid: table.guid,
    database: database.name,
    name: table.name,
    columns: table.columns.map(({ id, name, type, docString }) => ({
      id,
      name,
      type,
      docString,
      physical: physicalColumnName(id),
    })),
    physical: physicalTableName(table.id),
    hidden: table.hidden,
    folder: table.folder,
    docString: table.docString,
  }
}
