import type { WriteEvent } from '../sink/write-events.ts'
import type { StreamingEvent } from './streaming-events.ts'
import type { SealReason } from './batch-buffer.ts'
import type { BatchStage } from './batch-sink.ts'

/** What a writer reports besides what every write does. */
export type WriterEvent =
  | {
      readonly kind: 'batch-sealed'
      readonly sequence: number
      readonly rows: number
      /** Bytes of Arrow data. */
      readonly bytes: number
      readonly reason: SealReason
    }
  | { readonly kind: 'batch-stage'; readonly sequence: number; readonly stage: BatchStage }
  /** The batch is as far as the writer's `acknowledge` asks. */
  | {
      readonly kind: 'batch-done'
      readonly sequence: number
      readonly rows: number
      /** Bytes before compression, as they were sent. */
      readonly rawBytes: number
      readonly duplicateRows: number
      /** Since the batch was sealed. */
      readonly elapsedMs: number
      readonly receipt: unknown
    }
  | {
      readonly kind: 'batch-retried'
      readonly sequence: number
      readonly attempt: number
      readonly delayMs: number
      readonly code: string
    }
  /** A batch that an earlier writer had staged is in the table now, or was found there. */
  | { readonly kind: 'batch-recovered'; readonly sequence: number; readonly rows: number; readonly evidence: string }
  /** The rows were given to `deadLetter`, or with delivery `none` given up, and the writer goes on. */
  | {
      readonly kind: 'batch-rejected'
      readonly sequence: number
      readonly rows: number
      readonly to: 'dead-letter' | 'nowhere'
      readonly error: unknown
    }
  /** At this rate the tags of the table pass half of what the service merges: take longer batches. Told once. */
  | {
      readonly kind: 'tag-budget'
      readonly batchesPerDay: number
      /** Once as many tags come as retention takes away. */
      readonly characters: number
      readonly limitCharacters: number
    }
  /** Batches are so small that the table gets many tiny extents: raise `maxBatchAgeMs`. Told once. */
  | { readonly kind: 'small-batches'; readonly averageBytes: number }

export type OnWriterEvent = (event: WriteEvent | WriterEvent | StreamingEvent) => void
