import { isFinal } from './ingestion-service.ts'
import type { BlobStatus } from './ingestion-service.ts'
import type { WriteEvent } from './write-events.ts'

/** Which of the blobs that are waited for have reached a state that they will keep. */
export class BlobStates<B extends { readonly sourceId: string }> {
  readonly #blobs: readonly B[]
  readonly #ended = new Map<string, BlobStatus>()

  constructor(blobs: readonly B[]) {
    this.#blobs = blobs
  }

  /** Those whose end is not known. */
  get open(): readonly B[] {
    return this.#blobs.filter(({ sourceId }) => !this.#ended.has(sourceId))
  }

  get pending(): number {
    return this.#blobs.length - this.#ended.size
  }

  /** The final states, in the order in which they were told. */
  get ended(): readonly BlobStatus[] {
    return [...this.#ended.values()]
  }

  endOf({ sourceId }: B): BlobStatus | undefined {
    return this.#ended.get(sourceId)
  }

  /** Keeps the final ones of an answer; what it says of other blobs does not count. */
  take(statuses: readonly BlobStatus[]): void {
    const told = new Map(statuses.map((status) => [status.sourceId, status]))
    for (const { sourceId } of this.open) {
      const status = told.get(sourceId)
      if (status !== undefined && isFinal(status.state)) this.#ended.set(sourceId, status)
    }
  }

  /** What a listener is told between two questions. */
  waiting(elapsedMs: number): Extract<WriteEvent, { readonly kind: 'ingestion-waiting' }> {
    return { kind: 'ingestion-waiting', ...countsOf(this.ended), pending: this.pending, elapsedMs }
  }
}

/** How many blobs have ended in which way. */
export function countsOf(ended: readonly BlobStatus[]): {
  readonly succeeded: number
  readonly skipped: number
  readonly failed: number
} {
  const count = (wanted: BlobStatus['state']): number => ended.filter(({ state }) => state === wanted).length
  const [succeeded, skipped] = [count('Succeeded'), count('Skipped')]
  return { succeeded, skipped, failed: ended.length - succeeded - skipped }
}
