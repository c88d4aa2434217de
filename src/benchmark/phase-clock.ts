/** What one phase of a run moved. */
export interface PhaseCounts {
  readonly rows?: number
  readonly bytes?: number
  readonly blobs?: number
  readonly requests?: number
}

/** One phase of a run. Phases overlap, so their `seconds` may add up to more than the run took. */
export interface PhaseSample {
  /** Time during which the phase was at work. */
  readonly seconds: number
  /** The phase's share of the run: time in which several phases were at work is divided among them evenly. */
  readonly sharedSeconds: number
  readonly rows: number
  readonly bytes: number
  readonly blobs: number
  readonly requests: number
  /** The most resident memory of the process while the phase was at work; 0 when it was too short to be seen. */
  readonly peakMemoryBytes: number
}

interface Span {
  readonly phase: string
  readonly from: number
  readonly to: number
}

/** Collects what the phases of one run did and when; times are milliseconds of `performance.now()`. */
export class PhaseClock {
  readonly #phases: readonly string[]
  readonly #spans: Span[] = []
  readonly #interleaved: (Span & { readonly busyMs: number })[] = []
  readonly #counts = new Map<string, Required<PhaseCounts>>()

  /** The phases in the order of the work; what the time between them went to is not asked. */
  constructor(phases: readonly string[]) {
    this.#phases = phases
  }

  /** The phase was at work from `from` to `to`. */
  span(phase: string, from: number, to: number): void {
    if (to > from) this.#spans.push({ phase, from, to })
  }

  /** The phase was at work for `busyMs` between `from` and `to`, in turns with others and never at once with them. */
  turns(phase: string, busyMs: number, within: { readonly from: number; readonly to: number }): void {
    if (busyMs > 0) this.#interleaved.push({ phase, busyMs, ...within })
  }

  count(phase: string, { rows = 0, bytes = 0, blobs = 0, requests = 0 }: PhaseCounts): void {
    const sum = this.#counts.get(phase) ?? { rows: 0, bytes: 0, blobs: 0, requests: 0 }
    this.#counts.set(phase, {
      rows: sum.rows + rows,
      bytes: sum.bytes + bytes,
      blobs: sum.blobs + blobs,
      requests: sum.requests + requests,
    })
  }

  /** What each phase did; `memory` is when how much was resident, in order. */
  samples(memory: readonly MemorySample[]): Readonly<Record<string, PhaseSample>> {
    const shares = sharesOf(this.#spans)
    const entries = this.#phases.map((phase): readonly [string, PhaseSample] => {
      const spans = this.#spans.filter((span) => span.phase === phase)
      const turns = this.#interleaved.filter((span) => span.phase === phase)
      const busyMs = turns.reduce((sum, span) => sum + span.busyMs, 0)
      const counts = this.#counts.get(phase) ?? { rows: 0, bytes: 0, blobs: 0, requests: 0 }
      return [
        phase,
        {
          seconds: (unionMs(spans) + busyMs) / 1000,
          sharedSeconds: ((shares.get(phase) ?? 0) + busyMs) / 1000,
          ...counts,
          peakMemoryBytes: peakWithin([...spans, ...turns], memory),
        },
      ]
    })
    return Object.fromEntries(entries)
  }
}

/** The resident memory of the process at a time. */
export interface MemorySample {
  readonly at: number
  readonly bytes: number
}

/** How much time lies in at least one of the spans. */
function unionMs(spans: readonly Span[]): number {
  let total = 0
  let end = -Infinity
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    if (to <= end) continue
    total += to - Math.max(from, end)
    end = to
  }
  return total
}

/** Each moment is divided evenly among the phases that have a span there. */
function sharesOf(spans: readonly Span[]): ReadonlyMap<string, number> {
  const edges = spans
    .flatMap(({ phase, from, to }) => [
      { at: from, phase, change: 1 },
      { at: to, phase, change: -1 },
    ])
    .toSorted((a, b) => a.at - b.at)
  const shares = new Map<string, number>()
  const active = new Map<string, number>()
  let last = 0
  for (const { at, phase, change } of edges) {
    for (const one of active.keys()) shares.set(one, (shares.get(one) ?? 0) + (at - last) / active.size)
    const count = (active.get(phase) ?? 0) + change
    if (count > 0) active.set(phase, count)
    else active.delete(phase)
    last = at
  }
  return shares
}

function peakWithin(spans: readonly Span[], memory: readonly MemorySample[]): number {
  return memory
    .filter(({ at }) => spans.some(({ from, to }) => at >= from && at <= to))
    .reduce((peak, { bytes }) => Math.max(peak, bytes), 0)
}
