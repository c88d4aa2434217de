/** Writes rows exactly once in a process that is killed on its way, and goes on in a second one. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileLog, KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'

const ROWS = 1000

async function* rowsFrom(start: number): AsyncGenerator<{ n: number }> {
  for (let n = start; n < ROWS; n++) yield { n }
}

/** What each process does: it writes what the log does not have yet. */
async function work(cluster: string, folder: string, dieAfter: number): Promise<void> {
  await using kusto = new KustoConnector({ cluster, database: 'db1' })
  await kusto.writeStream('Numbers', (resume) => rowsFrom(Number(resume?.position ?? -1) + 1), {
    delivery: 'exactly-once',
    log: fileLog(folder),
    create: 'CreateIfNotExist',
    maxBatchRows: 250,
    rowsAtOnce: 50,
    flushImmediately: true,
    inDoubtMs: 2_000,
    positionOf: ({ n }) => n,
    onEvent: (event) => {
      if (event.kind === 'batch-stage' && event.stage === 'staged' && event.sequence === dieAfter)
        process.kill(process.pid, 'SIGKILL')
    },
  })
}

const [cluster, folder, dieAfter] = process.argv.slice(2)
if (cluster !== undefined && folder !== undefined) {
  await work(cluster, folder, Number(dieAfter))
} else {
  await using local = await startLocalKusto()
  const log = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-log-'))
  try {
    for (const batch of ['2', 'none']) {
      const args = [fileURLToPath(import.meta.url), local.cluster, log, batch]
      const [code, signal] = (await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit')) as [
        number | null,
        string | null,
      ]
      console.log('ended by', signal ?? code)
    }
    await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
    const table = await kusto.read('Numbers').table()
    const values = [...(table.getChild('n') ?? [])].map(Number)
    console.log('rows', values.length, 'different', new Set(values).size)
  } finally {
    await rm(log, { recursive: true, force: true })
  }
}
