import { numberedName, numberOf } from './log-store.ts'
import type { LogStore } from './log-store.ts'
import type { Scan } from './read-log.ts'
import { attemptName } from './wal-records.ts'

/** An object without entry that is younger may belong to a writer that is about to make one. */
const ORPHAN_AGE_MS = 3_600_000

/** Removes what is kept of a batch behind the mark, which is of no use. */
export async function removeRecordsOf(
  store: LogStore,
  { sequence, attempts }: { readonly sequence: number; readonly attempts: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const name = attemptName({ sequence, attempt })
    for (const each of [`${name}.sent`, name]) await store.remove(each, signal)
  }
  for (const folder of ['moves', 'entries', 'outcomes']) {
    await store.remove(numberedName(folder, sequence), signal)
  }
}

/**
 * Removes rows that no entry names and none will, and records of batches that are behind the mark. Whoever is held up before it gets here
 * removes nothing of the next owner: that is younger than when this one began to look.
 */
export async function removeOrphans(
  store: LogStore,
  { mark, next, staged, beganAtMs }: Pick<Scan, 'mark' | 'next' | 'staged'> & { readonly beganAtMs: number },
  signal: AbortSignal | undefined,
): Promise<void> {
  const oldest = beganAtMs - ORPHAN_AGE_MS
  for (const { name, createdAtMs } of await store.list('staged', signal)) {
    // Of a number that is taken, or so old that whoever staged it is gone.
    const isOfNoUse = numberOf(name) < next || createdAtMs < oldest
    if (isOfNoUse && !staged.has(name)) await store.remove(name, signal)
  }
  await removeSettled(store, mark, signal)
}

/** Records at or behind the mark, and all marks but the last. */
async function removeSettled(store: LogStore, mark: number, signal: AbortSignal | undefined): Promise<void> {
  for (const folder of ['intents', 'moves', 'entries', 'outcomes', 'marks']) {
    const last = folder === 'marks' ? mark - 1 : mark
    for (const { name } of await store.list(folder, signal)) {
      if (numberOf(name) <= last) await store.remove(name, signal)
    }
  }
}
