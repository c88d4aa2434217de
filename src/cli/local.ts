import { startLocalKusto, type LocalKusto } from '../local/index.ts'
import { parseFlags, usageError, type CliCommand, type CommandIo } from './command-line.ts'

const HELP = `kusto-arrow local --port 8080 --data-dir ./kusto-data

Starts an embedded Kusto on 127.0.0.1. The first line on standard output is its cluster URL.
Stop it with Ctrl-C.

  --port N         port to listen on; default any free one
  --data-dir DIR   folder to keep databases and blobs in; default in memory
  --database NAME  name of the default database; default db1
  --no-storage     without Azurite: no queued ingestion, no export to storage
`

/** `kusto-arrow local`: serves until a signal ends it. */
export const localCommand: CliCommand = {
  summary: 'start an embedded Kusto on this machine',
  help: HELP,
  async run(args: readonly string[], io: CommandIo): Promise<number> {
    const flags = parseFlags(args, {
      port: { type: 'string' },
      'data-dir': { type: 'string' },
      database: { type: 'string' },
      'no-storage': { type: 'boolean' },
    })
    const stop = firstSignal(io)
    const starting = startLocalKusto({
      port: portOf(flags['port']),
      dataDir: textOf(flags['data-dir']),
      database: textOf(flags['database']),
      storage: flags['no-storage'] !== true,
    })
    const started = await Promise.race([starting, stop.then(() => undefined)])
    if (started !== undefined) {
      announce(started, io)
      await stop
    }
    // A signal during the start waits for its end, because what half started must be stopped too.
    await (await starting).close()
    return 0
  },
}

function announce(local: LocalKusto, io: CommandIo): void {
  io.out(`${local.cluster}\n`)
  io.err(`embedded Kusto, database ${local.database}; stop with Ctrl-C\n`)
  io.err(
    `try: curl -s ${local.cluster}/v2/rest/query -H 'Content-Type: application/json' ` +
      `-d '{"db":"${local.database}","csl":"print answer = 6 * 7"}'\n`,
  )
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function firstSignal(io: CommandIo): Promise<void> {
  return new Promise((resolve) => {
    let seen = false
    const onSignal = (): void => {
      if (seen) io.exit(1)
      seen = true
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM']) io.signals.on(signal, onSignal)
  })
}

function portOf(value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  const port = Number(value)
  if (!/^\d+$/.test(String(value)) || port > 65_535) {
    throw usageError(`--port must be a whole number from 0 to 65535, not ${String(value)}`)
  }
  return port
}

function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
