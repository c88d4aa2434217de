import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { tableFromArrays } from 'apache-arrow'
import type { Table } from 'apache-arrow'
import { fileLog, KustoConnector, KustoError } from '../../src/index.ts'
import { Doom, mortalLog } from './death.ts'
import type { Death } from './death.ts'

/** Writes a stream, from wherever its log says, to its end. */
export interface Job {
  readonly cluster: string
  readonly database: string
  readonly table: string
  readonly folder: string
  readonly commit: 'tag' | 'staging-table'
  readonly acknowledge: 'staged' | 'committed'
  readonly format: 'csv' | 'parquet'
  readonly producer: number
  readonly rows: number
  readonly rowsPerWrite: number
  readonly maxBatchRows: number
  readonly inDoubtMs: number
  readonly takeOver: boolean
  readonly death?: Death
}

/** What a child says, one a line. */
export type Word =
  | { readonly kind: 'ready' }
  | { readonly kind: 'resumed'; readonly position: number }
  | { readonly kind: 'acknowledged'; readonly position: number }
  | { readonly kind: 'recovered'; readonly evidence: string }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

// Synchronous, so that a process that is killed has said all it had to say.
const say = (word: Word): void => void writeSync(1, `${JSON.stringify(word)}\n`)

let kusto: KustoConnector | undefined

async function run(job: Job): Promise<void> {
  const { cluster, database, table, folder, rows, rowsPerWrite, death, producer, ...options } = job
  kusto ??= new KustoConnector({ cluster, database })
  const doom = new Doom(death)
  const unwatch = doom.watchRequests()
  const writer = kusto.writer(table, {
    ...options,
    delivery: 'exactly-once',
    log: mortalLog(fileLog(folder), doom),
    flushImmediately: true,
    completionTimeoutMs: 120_000,
    onAck: (position) => say({ kind: 'acknowledged', position: Number(position) }),
    onEvent: (event) => {
      if (event.kind === 'batch-recovered') say({ kind: 'recovered', evidence: event.evidence })
    },
  })
  try {
    const from = Number((await writer.open())?.position ?? 0)
    say({ kind: 'resumed', position: from })
    for (let start = from; start < rows; start += rowsPerWrite) {
      const count = Math.min(rowsPerWrite, rows - start)
      await writer.write(numbered(producer, start, count), { position: start + count })
    }
    await writer.close()
    say({ kind: 'done' })
  } catch (error) {
    await writer.abort().catch(() => undefined)
    const code = error instanceof KustoError ? error.code : 'none'
    say({ kind: 'failed', code, message: error instanceof Error ? (error.stack ?? '') : String(error) })
  } finally {
    unwatch()
  }
}

function numbered(producer: number, start: number, count: number): Table {
  return tableFromArrays({
    producer: new Int32Array(count).fill(producer),
    ordinal: Int32Array.from({ length: count }, (_, row) => start + row),
  })
}

// Ctrl-C is for the parent, which ends what it began.
process.on('SIGINT', () => undefined)
say({ kind: 'ready' })
for await (const line of createInterface({ input: process.stdin })) await run(JSON.parse(line) as Job)
await kusto?.close()
