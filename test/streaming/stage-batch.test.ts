import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { RecordBatch } from 'apache-arrow'
import type { BlobCut } from '../../src/sink/cut-blobs.ts'
import type { SinkContext } from '../../src/sink/sink-context.ts'
import { writeSettings } from '../../src/sink/write-settings.ts'
import type { SealedBatch } from '../../src/streaming/batch-buffer.ts'
import type { QueuedSetup } from '../../src/streaming/queued-batch-sink.ts'
import { onlyCut, stageBatch } from '../../src/streaming/stage-batch.ts'
import type { StagedRows } from '../../src/streaming/staged-rows.ts'
import type { EntryRecord } from '../../src/streaming/wal-records.ts'
import type { WriteAheadLog } from '../../src/streaming/write-ahead-log.ts'
import { numbers } from './fake-batch-sink.ts'

const { signal } = new AbortController()

/** Stages batches of a column `n` into a log that keeps what it gets. */
async function stage(
  batches: readonly RecordBatch[],
  { bytes, rows }: Pick<SealedBatch<unknown>, 'bytes' | 'rows'>,
): Promise<{ readonly text: string; readonly rows: number }> {
  const column = { name: 'n', type: 'int' } as const
  const schema = numbers(0, 1).schema
  const plan = { create: undefined, add: [], columns: [column], empty: [], isWhole: true }
  const write = {
    plan: { ...plan, targets: [{ column, source: { name: 'n', type: 'int' } }] },
    columns: [column],
    format: 'csv',
  } as unknown as QueuedSetup['write']
  let text = ''
  const log = {
    async append({ chunks, entry }: StagedRows) {
      const staged: Uint8Array[] = []
      for await (const chunk of chunks) staged.push(chunk)
      text = gunzipSync(Buffer.concat(staged)).toString()
      return entry() as EntryRecord
    },
  } as unknown as WriteAheadLog
  const context = { encodePool: () => undefined } as unknown as SinkContext
  const batch: SealedBatch<QueuedSetup> = {
    sequence: 3,
    setup: { schema, write },
    batches,
    bytes,
    rows,
    reason: 'flush',
    lastWrite: -1,
    partialRows: rows,
  }
  const settings = writeSettings({ format: 'csv' })
  const entry = await stageBatch(context, batch, { log, write: settings, point: { partialRows: 0 }, signal })
  return { text, rows: entry.rows }
}

function cutOf(rows: number): BlobCut & { readonly released: () => boolean } {
  let isReleased = false
  return {
    batches: [],
    rows,
    arrowBytes: 4 * rows,
    rowOffset: 0,
    release: () => void (isReleased = true),
    released: () => isReleased,
  }
}

async function* cutsOf(cuts: readonly BlobCut[]): AsyncGenerator<BlobCut> {
  yield* cuts
}

describe('a batch is staged', () => {
  it('as one blob of all its rows, whatever its parts come to when each is measured by itself', async () => {
    const { text, rows } = await stage([numbers(0, 3), numbers(3, 2)], { bytes: 13, rows: 5 })
    expect(text.trim().split(/\r?\n/).map(Number)).toEqual([0, 1, 2, 3, 4])
    expect(rows).toBe(5)
  })

  it('or not at all: an entry never names more rows than its blob has', async () => {
    await expect(stage([numbers(0, 3)], { bytes: 12, rows: 5 })).rejects.toThrow(/5 rows.*3/)
    const short = cutOf(3)
    await expect(onlyCut(cutsOf([short, cutOf(2)]), 5)).rejects.toThrow(/5 rows.*3/)
    const whole = cutOf(5)
    await expect(onlyCut(cutsOf([whole, cutOf(1)]), 5)).rejects.toThrow(/one blob/)
    expect([short.released(), whole.released()]).toEqual([true, true])
    await expect(onlyCut(cutsOf([]), 5)).rejects.toThrow(/5 rows.*0/)
    const only = cutOf(5)
    expect(await onlyCut(cutsOf([only]), 5)).toBe(only)
    expect(only.released()).toBe(false)
  })
})
