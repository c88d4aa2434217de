import { KustoConnector } from '../index.ts'
import { startLocalKusto } from '../local/index.ts'
import type { CliCall } from './cli-command.ts'
import { inputOf } from './input-files.ts'
import { loadSamples } from './load-samples.ts'
import type { Connection, ConnectionNeeds } from './open-connection.ts'
import { formatRows } from './quantities.ts'
import { usageError } from './usage-error.ts'

const REMOTE_FLAGS = ['cluster', 'connection-string-env', 'token-env', 'ingestion-cluster', 'trusted-host']

/** Starts an embedded Kusto, with the tables that the command mentions, and connects to it. */
export async function openLocal(call: CliCall, needs: ConnectionNeeds): Promise<Connection> {
  const { flags, screen, signal } = call
  const remote = REMOTE_FLAGS.find((name) => flags.isGiven(name))
  if (remote !== undefined) throw usageError(`--${remote} does not go with --local`)
  const loads = [...(needs.loads ?? []), ...flags.list('load')].map(parseLoad)
  signal.throwIfAborted()
  screen.progress.phase('starting the embedded Kusto')
  const local = await startLocalKusto({
    database: flags.text('database'),
    dataDir: flags.text('data-dir'),
    storage: (needs.storage ?? true) || loads.length > 0,
    memoryLimit: needs.memoryLimit ?? MEMORY_LIMIT,
  })
  const kusto = new KustoConnector({ cluster: local.cluster, database: local.database, application: 'kusto-arrow-cli' })
  const close = async (): Promise<void> => {
    screen.progress.phase('stopping the embedded Kusto')
    await kusto.close()
    await local.close()
    screen.progress.end()
  }
  try {
    signal.throwIfAborted()
    screen.detail(`embedded Kusto at ${local.cluster}, database ${local.database}`)
    if (/\bSamples\b/.test(needs.mentions ?? '') && !loads.some(({ table }) => table === 'Samples')) {
      await loadSamples(kusto, signal)
    }
    if (loads.length > 0) await loadFiles(kusto, loads, call)
    screen.progress.end()
  } catch (error) {
    await close()
    throw error
  }
  return { kusto, isLocal: true, [Symbol.asyncDispose]: close }
}

/** Of the embedded engine, before it spills to disk. */
const MEMORY_LIMIT = '64MB'

interface Load {
  readonly table: string
  readonly file: string
}

function parseLoad(text: string): Load {
  const [, table, file] = /^([^=]+)=(.+)$/s.exec(text) ?? []
  if (table === undefined || file === undefined) {
    throw usageError(`expected --load to be TABLE=FILE, found ${text}`)
  }
  return { table, file }
}

async function loadFiles(kusto: KustoConnector, loads: readonly Load[], call: CliCall): Promise<void> {
  const { screen, signal } = call
  const existing = new Set(
    (await kusto.command('.show tables', { signal }).rows()).rows.map((row) => row.text('TableName')),
  )
  for (const { table, file } of loads) {
    if (existing.has(table)) {
      screen.note(`table ${table} is there already; ${file} was not loaded`)
      continue
    }
    let rows = 0
    const onRows = (more: number): void => screen.progress.update({ rows: (rows += more) })
    const input = await inputOf([file], { call, isByName: true, onRows })
    screen.progress.phase(`loading ${file} into ${table}`, {
      rows: 0,
      ...(input.rows === undefined ? {} : { totalRows: input.rows }),
    })
    const receipt = await kusto.write(table, input.batches, {
      create: 'CreateIfNotExist',
      flushImmediately: true,
      maxBlobBytes: 8_388_608,
      maxBufferedBytes: 33_554_432,
      encodeWorkers: 0,
      uploads: 1,
      signal,
      onEvent: (event) => screen.event(event),
    })
    await receipt.completed({ signal, onEvent: (event) => screen.event(event) })
    screen.progress.end()
    screen.note(`loaded ${formatRows(receipt.rows)} of ${file} into ${table}`)
  }
}
