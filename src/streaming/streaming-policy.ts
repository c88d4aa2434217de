import { badOption, checkNames } from '../base/check-options.ts'
import { KustoProtocolError } from '../errors.ts'
import { alterIngestionPolicy, deleteIngestionPolicy, showIngestionPolicy } from '../kql/commands/streaming-commands.ts'
import type { IngestionPolicyName, PolicyEntity } from '../kql/commands/streaming-commands.ts'
import type { CommandRow } from '../client/command-table.ts'
import type { StreamingContext } from './streaming-context.ts'

/** A streaming ingestion policy. */
export interface StreamingIngestionPolicy {
  readonly isEnabled: boolean
  /** Gigabytes an hour that the table is expected to get; undefined when no hint is set. */
  readonly hintAllocatedRate: number | undefined
}

export interface PolicyCallOptions {
  readonly signal?: AbortSignal
}

export interface EnableStreamingOptions extends PolicyCallOptions {
  /** Gigabytes an hour that the table is expected to get, worth setting above 1. Default: no hint. */
  readonly hintAllocatedRate?: number
}

/** The streaming ingestion policy of one table, or of the database for all tables without one of their own. */
export interface StreamingPolicyHandle {
  /** The policy that is set; undefined when there is none, and the database's or the service's default holds. */
  show(options?: PolicyCallOptions): Promise<StreamingIngestionPolicy | undefined>
  /** Allows streaming; needs Table Admin, or Database Admin, and streaming that is on for the cluster. */
  enable(options?: EnableStreamingOptions): Promise<StreamingIngestionPolicy>
  /** Forbids streaming; rows that were streamed stay. */
  disable(options?: PolicyCallOptions): Promise<StreamingIngestionPolicy>
  /** Takes the policy away: a table follows its database then. */
  drop(options?: PolicyCallOptions): Promise<void>
}

/**
 * The policy decides within two minutes, and sooner after `clearStreamingSchemaCache`. Writes of this connector try a
 * table again at once when its policy is enabled here.
 * @see https://learn.microsoft.com/kusto/management/streaming-ingestion-policy
 */
export function streamingPolicy(context: StreamingContext, table: string | undefined): StreamingPolicyHandle {
  const { sink } = context
  const entity = policyEntity(context, table)
  const set = async (value: object, signal: AbortSignal | undefined): Promise<StreamingIngestionPolicy> => {
    const policy = parsedPolicy(await sink.command(alterIngestionPolicy(entity, NAME, value), signal))
    if (policy === undefined) throw badPolicy('none')
    context.tables.reset(table)
    return policy
  }
  return {
    show: async (options = {}) => {
      checkNames(options, ['signal'])
      return parsedPolicy(await sink.command(showIngestionPolicy(entity, NAME), options.signal))
    },
    enable: async (options = {}) => {
      checkNames(options, ['hintAllocatedRate', 'signal'])
      const rate = options.hintAllocatedRate
      if (rate !== undefined && !(rate > 0 && Number.isFinite(rate))) {
        throw badOption(`expected hintAllocatedRate to be gigabytes an hour above 0, found ${rate}`)
      }
      return set({ IsEnabled: true, ...(rate === undefined ? {} : { HintAllocatedRate: rate }) }, options.signal)
    },
    disable: async (options = {}) => {
      checkNames(options, ['signal'])
      return set({ IsEnabled: false }, options.signal)
    },
    drop: async (options = {}) => {
      checkNames(options, ['signal'])
      await sink.command(deleteIngestionPolicy(entity, NAME), options.signal)
      context.tables.reset(table)
    },
  }
}

const NAME: IngestionPolicyName = 'streamingingestion'

/** The table, or the connector's database. */
export function policyEntity({ sink }: StreamingContext, table: string | undefined): PolicyEntity {
  return table === undefined ? { kind: 'database', database: sink.database } : { kind: 'table', table }
}

/** The JSON object in the answer of a policy command; undefined when no policy is set. */
export function policyObject(rows: readonly CommandRow[]): Readonly<Record<string, unknown>> | undefined {
  const text = rows[0]?.text('Policy') ?? ''
  if (text === '' || text === 'null') return undefined
  let policy: unknown
  try {
    policy = JSON.parse(text)
  } catch {
    throw badPolicy('text that is not JSON')
  }
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) throw badPolicy('something else')
  return Object.fromEntries(Object.entries(policy).map(([key, value]) => [key.toLowerCase(), value as unknown]))
}

function parsedPolicy(rows: readonly CommandRow[]): StreamingIngestionPolicy | undefined {
  const policy = policyObject(rows)
  if (policy === undefined) return undefined
  const { isenabled, hintallocatedrate } = policy
  if (typeof isenabled !== 'boolean') throw badPolicy('no IsEnabled')
  return {
    isEnabled: isenabled,
    hintAllocatedRate: typeof hintallocatedrate === 'number' ? hintallocatedrate : undefined,
  }
}

export function badPolicy(found: string): KustoProtocolError {
  return new KustoProtocolError('KUSTO_BAD_ANSWER', `expected a policy as a JSON object, found ${found}`)
}
