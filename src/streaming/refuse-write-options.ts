import { badOption } from '../base/check-options.ts'
import type { WriteOptions } from '../sink/write-settings.ts'
import type { BatchingOptions } from './writer-settings.ts'

/** What only a single write has. */
type OfOneWrite = Exclude<keyof WriteOptions, keyof BatchingOptions | 'mode'>

const BY_WRITE = 'a single write has it, kusto.write'

/** What to do instead. */
const INSTEAD: Readonly<Record<OfOneWrite, string>> = {
  replaceTag: BY_WRITE,
  stagingTable: BY_WRITE,
  stagingTimeoutMs: BY_WRITE,
  timeoutMs: 'completionTimeoutMs bounds the way of a batch into the table',
  explain: 'kusto.write(table, data, { explain: true }) tells what would be done with a batch',
  maxBlobBytes: 'a batch becomes one blob, of maxBatchBytes of Arrow data',
  flushFullBlobs: 'a batch is one blob: flushImmediately is for all of them',
  uploads: 'maxInFlightBatches are uploaded at once',
  deduplicateBlobs: "tagBatches gives each batch a tag, and delivery 'exactly-once' keeps a log",
}

/**
 * Refuses options of a write that a writer would ignore.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION, with what to use instead
 */
export function refuseWriteOptions(options: object, delivery: string | undefined): void {
  const given = new Map<string, unknown>(Object.entries(options).filter(([, value]) => value !== undefined))
  const mode = given.get('mode') ?? 'queued'
  if (delivery === 'exactly-once' && mode !== 'queued') {
    throw badOption(
      `expected mode 'queued' of a writer with delivery 'exactly-once', found ${text(mode)}: commit 'staging-table' makes each batch visible at once`,
    )
  }
  if (mode !== 'queued' && mode !== 'streaming') {
    throw badOption(
      `expected mode 'queued' or 'streaming' of a writer, found ${text(mode)}: write each batch by kusto.write, or use delivery 'exactly-once' with commit 'staging-table'`,
    )
  }
  // Streaming has reasons of its own, and an option to leave out what it does not know.
  const refused = mode === 'streaming' ? ['explain'] : Object.keys(INSTEAD)
  for (const [name, instead] of Object.entries(INSTEAD)) {
    if (!refused.includes(name) || !given.has(name)) continue
    throw badOption(`expected options of a writer, found ${name}: ${instead}`)
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : typeof value
}
