import type { ReadEvent } from '../source/read-events.ts'
import { PhaseClock } from './phase-clock.ts'
import type { MemorySample, PhaseSample } from './phase-clock.ts'

/**
 * The phases of a read. `command`: schema, counts and the export's commands until the service has taken them, or until a
 * single query's answer begins. `wait`: until the exports have ended. `download` and `decode`: of blobs, or of the answer.
 * `delivery`: batches in the hands of the caller.
 */
export const EXPORT_PHASES: readonly string[] = ['command', 'wait', 'download', 'decode', 'delivery']

interface Stretch {
  readonly from: number
  readonly to: number
}

/** Makes phases of the events of one read. */
export class ExportPhases {
  readonly #clock = new PhaseClock(EXPORT_PHASES)
  readonly #isSingle: boolean
  readonly #exportsStartedAt = new Map<string, number>()
  #firstCommandEndedAt: number | undefined
  #answer: Extract<ReadEvent, { readonly kind: 'answer-read' }> | undefined
  #deliveredMs = 0
  #delivered = { rows: 0, bytes: 0 }
  #blobs = 0
  #requests = 0
  #bytes = 0

  constructor(isSingle: boolean) {
    this.#isSingle = isSingle
  }

  event(event: ReadEvent): void {
    const to = performance.now()
    if (event.kind === 'request') {
      this.#requests++
      this.#clock.count(WAITING.has(event.activity) ? 'wait' : 'command', { requests: 1 })
      if (this.#isSingle && event.activity === 'query') this.#firstCommandEndedAt ??= to
    } else if (event.kind === 'export-started') {
      this.#exportsStartedAt.set(event.operationId, to)
      this.#firstCommandEndedAt ??= to
      this.#clock.span('command', to - event.elapsedMs, to)
    } else if (event.kind === 'export-finished') {
      this.#clock.span('wait', this.#exportsStartedAt.get(event.operationId) ?? to - event.elapsedMs, to)
      this.#clock.count('wait', { rows: event.rows, blobs: event.blobs })
    } else if (event.kind === 'blob-downloaded') {
      this.#blobs++
      this.#requests += event.requests
      this.#bytes += event.bytes
      this.#clock.span('download', to - event.elapsedMs, to)
      this.#clock.count('download', { bytes: event.bytes, blobs: 1, requests: event.requests })
    } else if (event.kind === 'row-group-decoded') {
      this.#clock.span('decode', to - event.elapsedMs, to)
      this.#clock.count('decode', { rows: event.rows })
    } else if (event.kind === 'blob-read') {
      this.#clock.count('download', { rows: event.rows })
      this.#clock.count('decode', { bytes: event.bytes, blobs: 1 })
    } else if (event.kind === 'answer-read') {
      this.#answer = event
      this.#bytes += event.bytes
    }
  }

  /** A batch was in the caller's hands. */
  delivered({ from, to }: Stretch, { rows, bytes }: { readonly rows: number; readonly bytes: number }): void {
    this.#deliveredMs += to - from
    this.#delivered = { rows: this.#delivered.rows + rows, bytes: this.#delivered.bytes + bytes }
    if (!this.#isSingle) this.#clock.span('delivery', from, to)
  }

  /** What the read did in all, and by phase. */
  end(
    { from, to }: Stretch,
    memory: readonly MemorySample[],
  ): {
    readonly totals: { readonly bytes: number; readonly blobs: number; readonly requests: number }
    readonly phases: Readonly<Record<string, PhaseSample>>
  } {
    const commandEnd = this.#firstCommandEndedAt ?? to
    // What comes before the first command, such as asking for the schema, is part of it.
    this.#clock.span('command', from, commandEnd)
    this.#clock.count('delivery', this.#delivered)
    if (this.#answer !== undefined) {
      const { rows, bytes, waitMs, decodeMs } = this.#answer
      const within = { from: commandEnd, to }
      this.#clock.turns('download', waitMs, within)
      this.#clock.turns('decode', decodeMs, within)
      this.#clock.turns('delivery', this.#deliveredMs, within)
      this.#clock.count('download', { rows, bytes })
      this.#clock.count('decode', { rows, bytes })
    }
    return {
      totals: { bytes: this.#bytes, blobs: this.#blobs, requests: this.#requests },
      phases: this.#clock.samples(memory),
    }
  }
}

/** Requests that ask whether an export has ended, and for what it wrote. */
const WAITING: ReadonlySet<string> = new Set(['poll', 'details'])
