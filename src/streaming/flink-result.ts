import type { AtLeastOnceWriterOptions } from './writer-settings.ts'

/** The part of the connector's options that Flink's options say. */
export interface KustoConnectorTarget {
  readonly cluster?: string
  readonly database?: string
  /** With the application's secret, when one was given. */
  readonly connectionString?: string
}

/** What the options of a Flink job come to. */
export interface WriterFromFlink {
  readonly connector: KustoConnectorTarget
  readonly table: string | undefined
  readonly writer: AtLeastOnceWriterOptions
  /** Whether the job asked for it: add `delivery: 'exactly-once'` and a `log` to the writer's options. */
  readonly exactlyOnce: boolean
  /** What means something else here, or nothing. */
  readonly notes: readonly string[]
}
