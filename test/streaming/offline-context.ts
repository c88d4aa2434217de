import type { KustoClient } from '../../src/client/open-client.ts'
import { AdaptiveLimit } from '../../src/streaming/adaptive-limit.ts'
import type { StreamingContext } from '../../src/streaming/streaming-context.ts'
import { TableStates } from '../../src/streaming/table-state.ts'

export interface OfflineContext {
  readonly context: StreamingContext
  /** Every wait that was asked for. */
  readonly delays: readonly number[]
}

/** Streaming requests to a server, without a queue or commands, on a clock that only moves while somebody sleeps. */
export function offlineContext(rest: KustoClient['rest'], cluster: string): OfflineContext {
  const clock = { ms: 0 }
  const delays: number[] = []
  const now = (): number => clock.ms
  const nowhere = (): never => {
    throw new Error('only streaming requests are made here')
  }
  const context: StreamingContext = {
    sink: new Proxy({ database: 'db', cluster } as StreamingContext['sink'], {
      get: (target, key) => (key in target ? Reflect.get(target, key) : nowhere()) as unknown,
    }),
    rest,
    tables: new TableStates(now),
    limit: new AdaptiveLimit(),
    now,
    random: () => 1,
    sleep: async (delayMs, signal) => {
      signal?.throwIfAborted()
      delays.push(delayMs)
      clock.ms += delayMs
    },
  }
  return { context, delays }
}
