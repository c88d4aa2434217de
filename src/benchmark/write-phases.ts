import type { WriteEvent } from '../sink/write-events.ts'
import { PhaseClock } from './phase-clock.ts'
import type { MemorySample, PhaseSample } from './phase-clock.ts'

/**
 * The phases of a queued write. `schema`: the table is looked at and made. `encode`: rows become blobs. `upload`: blobs go to
 * storage; of a blob whose encoding and upload take turns it is the part after the last byte was made. `queue`: the service
 * takes them over.
 */
export const WRITE_PHASES: readonly string[] = ['schema', 'encode', 'upload', 'queue']

/** Makes phases of the events of one write. */
export class WritePhases {
  readonly #clock = new PhaseClock(WRITE_PHASES)
  #blobs = 0
  #requests = 0
  #bytes = 0

  event(event: WriteEvent): void {
    const to = performance.now()
    if (event.kind === 'schema-planned') {
      this.#clock.span('schema', to - event.elapsedMs, to)
    } else if (event.kind === 'blob-encoded') {
      this.#clock.span('encode', to - event.elapsedMs, to)
      this.#clock.count('encode', { rows: event.rows, bytes: event.rawBytes, blobs: 1 })
    } else if (event.kind === 'blob-uploaded') {
      this.#blobs++
      this.#bytes += event.encodedBytes
      this.#requests += event.requests
      this.#clock.span('upload', to - event.elapsedMs, to)
      this.#clock.count('upload', { rows: event.rows, bytes: event.encodedBytes, blobs: 1, requests: event.requests })
    } else if (event.kind === 'retry') {
      this.#requests++
      if (event.phase === 'upload') this.#clock.count('upload', { requests: 1 })
    } else if (event.kind === 'blobs-queued') {
      this.#requests++
      this.#clock.span('queue', to - event.elapsedMs, to)
      this.#clock.count('queue', { rows: event.rows, blobs: event.blobs, requests: 1 })
    }
  }

  /** What the write did in all, and by phase. */
  end(memory: readonly MemorySample[]): {
    readonly totals: { readonly bytes: number; readonly blobs: number; readonly requests: number }
    readonly phases: Readonly<Record<string, PhaseSample>>
  } {
    return {
      totals: { bytes: this.#bytes, blobs: this.#blobs, requests: this.#requests },
      phases: this.#clock.samples(memory),
    }
  }
}
