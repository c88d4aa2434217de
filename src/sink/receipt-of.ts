import type { QueuedBlob, WriteElapsed } from './load-blobs.ts'
import type { WriteSetup } from './prepare-write.ts'
import type { ReceiptBlob, WriteReceiptJson } from './receipt-json.ts'
import type { SinkContext } from './sink-context.ts'

/** What became of a write so far. */
export interface WriteOutcome extends Pick<WriteSetup, 'plan' | 'format' | 'via'> {
  readonly table: string
  readonly mode: WriteReceiptJson['mode']
  readonly queued: readonly QueuedBlob[]
  readonly elapsed: Readonly<WriteElapsed>
}

/** The receipt of the blobs that the service has taken. */
export function receiptOf(context: SinkContext, outcome: WriteOutcome): WriteReceiptJson {
  const blobs = outcome.queued.map(({ blob, tracking }): ReceiptBlob => {
    const { sourceId, location, rows, rawBytes, encodedBytes, sha256 } = blob
    return { ...tracking, sourceId, url: location.url, rows, rawBytes, encodedBytes, sha256 }
  })
  const sum = (value: (blob: ReceiptBlob) => number): number => blobs.reduce((total, blob) => total + value(blob), 0)
  return {
    kind: 'kusto-arrow/write-receipt',
    version: 2,
    cluster: context.cluster,
    database: context.database,
    table: outcome.table,
    mode: outcome.mode,
    via: outcome.via,
    format: outcome.format,
    created: outcome.plan.create !== undefined,
    rows: sum((blob) => blob.rows),
    rawBytes: sum((blob) => blob.rawBytes),
    encodedBytes: sum((blob) => blob.encodedBytes),
    blobs,
    commands: context.tally.commands,
    retries: { ...context.tally.retries },
    elapsedMs: { ...outcome.elapsed },
  }
}
