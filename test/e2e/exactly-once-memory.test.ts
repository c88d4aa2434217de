import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, it } from 'vitest'
import { fileLog, KustoConnector } from '../../src/index.ts'
import type { KustoWriter } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import { numbers, range, storedNumbers } from './numbered-rows.ts'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

const BATCHES = 8

/** Writes a batch that nobody else knows, and tells whether it is still there. */
async function writeOne(writer: KustoWriter, index: number): Promise<WeakRef<object>> {
  const table = numbers(index * 10, 10)
  await writer.write(table, { position: index })
  return new WeakRef(table.batches[0]?.data.children[0]?.values as object)
}

it('rows that the log has are let go of, however many batches are still on their way into the table', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'kusto-arrow-memory-'))
  try {
    await using local = await startLocalKusto()
    await using kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
    const store = fileLog(folder)
    let letGo: (() => void) | undefined
    const held = new Promise<void>((resolve) => (letGo = resolve))
    await using writer = kusto.writer('Held', {
      delivery: 'exactly-once',
      acknowledge: 'staged',
      create: 'CreateIfNotExist',
      flushImmediately: true,
      maxBatchRows: 10,
      maxInFlightBatches: 2,
      log: {
        ...store,
        // No batch is sent before its rows are let go of.
        create: async (...given) => {
          if (given[0].startsWith('intents/')) await held
          return store.create(...given)
        },
      },
    })
    const written: WeakRef<object>[] = []
    for (let index = 0; index < BATCHES; index++) written.push(await writeOne(writer, index))
    await writer.flush()
    // What was reached in this turn of the event loop stays until its end.
    await new Promise<void>((resolve) => void setImmediate(resolve))
    collectGarbage()
    const kept = written.filter((each) => each.deref() !== undefined).length
    letGo?.()
    await writer.close()
    expect(kept).toBe(0)
    expect(await storedNumbers(kusto, 'Held')).toEqual(range(10 * BATCHES))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
