import { openCatalog } from '../../../src/local/engine/catalog.ts'
import { openDuck } from '../../../src/local/engine/duck.ts'
import { Operations } from '../../../src/local/engine/operations.ts'
import type { Cell } from '../../../src/local/lang/syntax.ts'
import { QueuedIngestion } from '../../../src/local/ingest/queued-rest.ts'
import { startLanguage } from '../../../src/local/lang/language.ts'
import { runCommand, type CommandResult } from '../../../src/local/commands/run-command.ts'
import { RunningRequests } from '../../../src/local/server/running-requests.ts'
import type { Services } from '../../../src/local/services.ts'

/** One embedded Kusto without its server, for tests of commands. */
export interface CommandBench {
  readonly services: Services
  /** Runs a command in the database `db1`. */
  run(text: string, options?: { readonly database?: string; readonly signal?: AbortSignal }): Promise<CommandResult>
  /** Rows of a command as objects by column name. */
  rows(text: string): Promise<readonly Readonly<Record<string, Cell>>[]>
  /** Stored rows of a table, in the order of all columns. */
  stored(table: string): Promise<readonly (readonly unknown[])[]>
  close(): Promise<void>
}

/** Waits until an operation has ended and gives its row of `.show operations`. */
export async function operationEnd(
  bench: CommandBench,
  started: CommandResult,
): Promise<Readonly<Record<string, Cell>>> {
  const id = String(started.rows[0]?.[0])
  for (;;) {
    const [row] = await bench.rows(`.show operations ${id}`)
    if (row !== undefined && row['State'] !== 'InProgress') return row
  }
}

export async function openCommandBench(storage?: Services['storage']): Promise<CommandBench> {
  const language = await startLanguage()
  const duck = await openDuck()
  const catalog = await openCatalog(duck, { database: 'db1', language })
  const operations = new Operations()
  const services: Services = {
    language,
    duck,
    catalog,
    defaultDatabase: 'db1',
    operations,
    storage,
    url: () => 'http://127.0.0.1:1',
    queuedIngestion: new QueuedIngestion({ catalog, duck }),
    faults: { take: () => undefined } as unknown as Services['faults'],
    requests: new RunningRequests(),
    minimumSizeLimit: 1,
    streaming: 'on',
  }
  const run: CommandBench['run'] = (text, { database = 'db1', signal = new AbortController().signal } = {}) =>
    runCommand(services, { text, database, options: new Map(), clientRequestId: 'test', signal })
  return {
    services,
    run,
    async rows(text) {
      const { columns, rows } = await run(text)
      return rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null])))
    },
    async stored(table) {
      const { physical, columns } = catalog.requireTable('db1', table)
      const session = await duck.connect()
      try {
        const names = columns.map((column) => column.physical).join(', ')
        return await session.rows(`SELECT ${names} FROM ${physical} ORDER BY ALL`)
      } finally {
        session.close()
      }
    },
    async close() {
      await operations.close()
      catalog.close()
      await duck.close()
      await language.close()
    },
  }
}
