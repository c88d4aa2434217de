import type { KustoRest } from '../client/kusto-rest.ts'
import { sleep } from '../base/sleep.ts'
import type { Sleep } from '../base/sleep.ts'
import type { SinkContext } from '../sink/sink-context.ts'
import { AdaptiveLimit } from './adaptive-limit.ts'
import { TableStates } from './table-state.ts'

/** What streaming needs from the rooms below, and what a connector remembers between its calls: the connector wires it. */
export interface StreamingContext {
  readonly sink: SinkContext
  readonly rest: KustoRest
  readonly tables: TableStates
  readonly limit: AdaptiveLimit
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly sleep: Sleep
  readonly random: () => number
}

const now = (): number => performance.now()

/** What one connector shares between its streaming writes, nothing learned yet. */
export function openStreaming({ sink, rest }: Pick<StreamingContext, 'sink' | 'rest'>): StreamingContext {
  return { sink, rest, tables: new TableStates(now), limit: new AdaptiveLimit(), now, sleep, random: Math.random }
}
