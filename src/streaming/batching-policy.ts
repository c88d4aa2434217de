import { checkNames, wholeNumber } from '../base/check-options.ts'
import { formatTimespan, parseTimespan, TICKS_PER_SECOND } from '../base/ticks.ts'
import type { CommandRow } from '../client/command-table.ts'
import { alterIngestionPolicy, deleteIngestionPolicy, showIngestionPolicy } from '../kql/commands/streaming-commands.ts'
import type { IngestionPolicyName } from '../kql/commands/streaming-commands.ts'
import type { StreamingContext } from './streaming-context.ts'
import { badPolicy, policyEntity, policyObject } from './streaming-policy.ts'
import type { PolicyCallOptions } from './streaming-policy.ts'

/** When the service ends a batch of queued blobs and ingests it: at the first of these bounds. */
export interface IngestionBatchingPolicy {
  /** Seconds since the first blob, 10 to 1800. The service's default is 300. */
  readonly maximumBatchingSeconds: number
  /** Blobs, 1 to 25,000. The service's default is 500. */
  readonly maximumNumberOfItems: number
  /** Megabytes before compression, 100 to 4096. The service's default is 1024. */
  readonly maximumRawDataSizeMB: number
}

export interface AlterBatchingOptions extends Partial<IngestionBatchingPolicy>, PolicyCallOptions {}

/** The ingestion batching policy of one table, or of the database for all tables without one of their own. */
export interface BatchingPolicyHandle {
  /** The policy that is set; undefined when there is none, and the database's or the service's default holds. */
  show(options?: PolicyCallOptions): Promise<IngestionBatchingPolicy | undefined>
  /** Sets the policy; what is left out gets the service's default. */
  alter(options: AlterBatchingOptions): Promise<IngestionBatchingPolicy>
  drop(options?: PolicyCallOptions): Promise<void>
}

const NAME: IngestionPolicyName = 'ingestionbatching'
const DEFAULTS: IngestionBatchingPolicy = Object.freeze({
  maximumBatchingSeconds: 300,
  maximumNumberOfItems: 500,
  maximumRawDataSizeMB: 1024,
})

/** @see https://learn.microsoft.com/kusto/management/batching-policy */
export function batchingPolicy(context: StreamingContext, table: string | undefined): BatchingPolicyHandle {
  const { sink } = context
  const entity = policyEntity(context, table)
  return {
    show: async (options = {}) => {
      checkNames(options, ['signal'])
      return parsedPolicy(await sink.command(showIngestionPolicy(entity, NAME), options.signal))
    },
    alter: async (options) => {
      checkNames(options, [...Object.keys(DEFAULTS), 'signal'])
      const value = policyJson(options)
      const policy = parsedPolicy(await sink.command(alterIngestionPolicy(entity, NAME, value), options.signal))
      if (policy === undefined) throw badPolicy('none')
      return policy
    },
    drop: async (options = {}) => {
      checkNames(options, ['signal'])
      await sink.command(deleteIngestionPolicy(entity, NAME), options.signal)
    },
  }
}

/** Under the service's names; ranges are the service's to check, whole numbers are ours. */
function policyJson(options: AlterBatchingOptions): object {
  const bound = (name: keyof IngestionBatchingPolicy, max: number): number =>
    wholeNumber(name, options[name] ?? DEFAULTS[name], max)
  return {
    MaximumBatchingTimeSpan: formatTimespan(BigInt(bound('maximumBatchingSeconds', 1_800)) * TICKS_PER_SECOND),
    MaximumNumberOfItems: bound('maximumNumberOfItems', 25_000),
    MaximumRawDataSizeMB: bound('maximumRawDataSizeMB', 4_096),
  }
}

function parsedPolicy(rows: readonly CommandRow[]): IngestionBatchingPolicy | undefined {
  const policy = policyObject(rows)
  if (policy === undefined) return undefined
  const { maximumbatchingtimespan: span, maximumnumberofitems: items, maximumrawdatasizemb: size } = policy
  return {
    maximumBatchingSeconds:
      typeof span === 'string' ? Number(parseTimespan(span) / TICKS_PER_SECOND) : DEFAULTS.maximumBatchingSeconds,
    maximumNumberOfItems: typeof items === 'number' ? items : DEFAULTS.maximumNumberOfItems,
    maximumRawDataSizeMB: typeof size === 'number' ? size : DEFAULTS.maximumRawDataSizeMB,
  }
}
