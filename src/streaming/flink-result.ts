import type { AtLeastOnceWriterOptions, BatchingOptions } from './writer-settings.ts'

/** The part of the connector's options that Flink's options say. */
export interface KustoConnectorTarget {
  readonly cluster?: string
  readonly database?: string
  /** With the application's secret, when one was given. */
  readonly connectionString?: string
}

/** What the options of a Flink job come to. Where `exactlyOnce` is true, add `delivery: 'exactly-once'` and a `log` to `writer`. */
export type WriterFromFlink = FlinkTarget & (FlinkAtLeastOnce | FlinkExactlyOnce)

interface FlinkTarget {
  readonly connector: KustoConnectorTarget
  readonly table: string | undefined
  /** What means something else here, or nothing. */
  readonly notes: readonly string[]
}

interface FlinkAtLeastOnce {
  readonly exactlyOnce: false
  readonly writer: AtLeastOnceWriterOptions
}

interface FlinkExactlyOnce {
  readonly exactlyOnce: true
  readonly writer: BatchingOptions & {
    readonly completionTimeoutMs?: number
    readonly delivery?: never
    readonly acknowledge?: never
  }
}
