import { parseTimespan, TICKS_PER_MINUTE, TICKS_PER_SECOND } from '../../base/ticks.ts'
import { notSupported } from '../server/local-error.ts'
import { badRequest } from './entity-errors.ts'

/** A JSON object with its keys as sent. */
export type JsonObject = Readonly<Record<string, unknown>>

/** What may be in a policy, and what the service fills in. */
export interface PolicyRule {
  /** The name in the PolicyName column. */
  readonly title: string
  /** JSON keys with their defaults; absent for policies that are not objects. */
  readonly defaults?: JsonObject
  /** Throws for values that are out of range, or that would change results in ways the emulator does not have. */
  readonly check?: (policy: unknown) => void
}

/** The policies that can be stored, by the keyword of the commands. */
export const POLICIES: ReadonlyMap<string, PolicyRule> = new Map<string, PolicyRule>([
  [
    'ingestionbatching',
    {
      title: 'IngestionBatchingPolicy',
      defaults: { MaximumBatchingTimeSpan: '00:05:00', MaximumNumberOfItems: 500, MaximumRawDataSizeMB: 1024 },
      check: checkBatching,
    },
  ],
  [
    'streamingingestion',
    {
      title: 'StreamingIngestionPolicy',
      defaults: { IsEnabled: false, HintAllocatedRate: null },
      check: checkStreaming,
    },
  ],
  [
    'retention',
    {
      title: 'RetentionPolicy',
      defaults: { SoftDeletePeriod: '365000.00:00:00', Recoverability: 'Enabled' },
      check: checkRetention,
    },
  ],
  [
    'auto_delete',
    { title: 'AutoDeletePolicy', defaults: { ExpiryDate: null, DeleteIfNotEmpty: false }, check: checkAutoDelete },
  ],
  [
    'merge',
    {
      title: 'ExtentsMergePolicy',
      defaults: {
        RowCountUpperBoundForMerge: 16_000_000,
        OriginalSizeMBUpperBoundForMerge: 30_000,
        MaxExtentsToMerge: 100,
        MaxRangeInHours: 24,
        AllowRebuild: true,
        AllowMerge: true,
        Lookback: { Kind: 'Default', CustomPeriod: null },
      },
      check: objectOnly('merge'),
    },
  ],
  ['caching', { title: 'CachingPolicy', check: objectOnly('caching') }],
  ['sharding', { title: 'ShardingPolicy', check: objectOnly('sharding') }],
  ['partitioning', { title: 'PartitioningPolicy', check: objectOnly('partitioning') }],
  ['roworder', { title: 'RowOrderPolicy', check: arrayOnly('roworder') }],
  ['update', { title: 'UpdatePolicy', check: checkUpdate }],
  ['ingestiontime', { title: 'IngestionTimePolicy', check: objectOnly('ingestiontime') }],
  ['extent_tags_retention', { title: 'ExtentTagsRetentionPolicy', check: checkTagsRetention }],
  ['restricted_view_access', { title: 'RestrictedViewAccessPolicy', check: objectOnly('restricted_view_access') }],
  ['row_level_security', { title: 'RowLevelSecurityPolicy', check: objectOnly('row_level_security') }],
  ['encoding', { title: 'EncodingPolicy', check: objectOnly('encoding') }],
])

/**
 * The policy's JSON text to store. Keys are matched without regard to case; unknown keys are refused.
 * `base` is what `.alter-merge` starts from; `.alter` starts from the defaults.
 */
export function buildPolicy(name: string, sent: unknown, base: unknown): string {
  const rule = POLICIES.get(name)
  if (rule === undefined) throw notSupported(`policy ${name}`)
  const policy = rule.defaults === undefined ? sent : complete(name, rule.defaults, sent, base)
  rule.check?.(policy)
  return JSON.stringify(policy)
}

function complete(name: string, defaults: JsonObject, sent: unknown, base: unknown): JsonObject {
  const result: Record<string, unknown> = { ...defaults, ...(isObject(base) ? base : {}) }
  if (!isObject(sent)) throw badRequest(`policy ${name}: expected a JSON object`)
  for (const [key, value] of Object.entries(sent)) {
    const known = Object.keys(defaults).find((candidate) => candidate.toLowerCase() === key.toLowerCase())
    if (known === undefined) throw badRequest(`policy ${name}: unknown property '${key}'`)
    result[known] = value
  }
  return result
}

/** @throws {LocalError} General_BadRequest */
export function parsePolicy(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw badRequest(`policy ${name}: expected JSON (${cause instanceof Error ? cause.message : ''})`)
  }
}

function checkBatching(policy: unknown): void {
  const { MaximumBatchingTimeSpan: span, MaximumNumberOfItems: items, MaximumRawDataSizeMB: size } = asObject(policy)
  const ticks = timespan('ingestionbatching', 'MaximumBatchingTimeSpan', span)
  if (ticks < 10n * TICKS_PER_SECOND || ticks > 30n * TICKS_PER_MINUTE) {
    throw badRequest('policy ingestionbatching: MaximumBatchingTimeSpan must be between 00:00:10 and 00:30:00')
  }
  between('ingestionbatching', 'MaximumNumberOfItems', items, 1, 25_000)
  between('ingestionbatching', 'MaximumRawDataSizeMB', size, 100, 4096)
}

function checkStreaming(policy: unknown): void {
  const { IsEnabled: enabled, HintAllocatedRate: rate } = asObject(policy)
  if (typeof enabled !== 'boolean') throw badRequest('policy streamingingestion: IsEnabled must be true or false')
  if (rate !== null && typeof rate !== 'number') {
    throw badRequest('policy streamingingestion: HintAllocatedRate must be a number or null')
  }
}

function checkRetention(policy: unknown): void {
  const { SoftDeletePeriod: period, Recoverability: recoverability } = asObject(policy)
  if (timespan('retention', 'SoftDeletePeriod', period) < 0n) {
    throw badRequest('policy retention: SoftDeletePeriod must not be negative')
  }
  if (recoverability !== 'Enabled' && recoverability !== 'Disabled') {
    throw badRequest("policy retention: Recoverability must be 'Enabled' or 'Disabled'")
  }
}

function checkAutoDelete(policy: unknown): void {
  const { ExpiryDate: expiry, DeleteIfNotEmpty: notEmpty } = asObject(policy)
  if (typeof expiry !== 'string' || Number.isNaN(Date.parse(expiry))) {
    throw badRequest('policy auto_delete: ExpiryDate must be a date')
  }
  if (Date.parse(expiry) <= Date.now()) throw badRequest('policy auto_delete: ExpiryDate must be in the future')
  if (typeof notEmpty !== 'boolean') throw badRequest('policy auto_delete: DeleteIfNotEmpty must be true or false')
}

/** An enabled update policy would transform what is ingested; storing it and not doing so would be a silent lie. */
function checkUpdate(policy: unknown): void {
  if (!Array.isArray(policy)) throw badRequest('policy update: expected a JSON array')
  for (const each of policy) {
    const enabled = Object.entries(asObject(each)).find(([key]) => key.toLowerCase() === 'isenabled')?.[1]
    if (enabled === true) throw notSupported('an enabled update policy')
  }
}

function checkTagsRetention(policy: unknown): void {
  if (!Array.isArray(policy)) throw badRequest('policy extent_tags_retention: expected a JSON array')
  for (const each of policy) {
    const { TagPrefix: prefix, RetentionPeriod: period } = asObject(each)
    if (typeof prefix !== 'string') throw badRequest('policy extent_tags_retention: TagPrefix must be a text')
    timespan('extent_tags_retention', 'RetentionPeriod', period)
  }
}

function objectOnly(name: string): (policy: unknown) => void {
  return (policy) => {
    if (!isObject(policy)) throw badRequest(`policy ${name}: expected a JSON object`)
  }
}

function arrayOnly(name: string): (policy: unknown) => void {
  return (policy) => {
    if (!Array.isArray(policy)) throw badRequest(`policy ${name}: expected a JSON array`)
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asObject(value: unknown): JsonObject {
  if (!isObject(value)) throw badRequest('policy: expected a JSON object')
  return value
}

function timespan(policy: string, key: string, value: unknown): bigint {
  try {
    return parseTimespan(String(value))
  } catch {
    throw badRequest(`policy ${policy}: ${key} must be a timespan such as 1.00:00:00, found '${String(value)}'`)
  }
}

function between(policy: string, key: string, value: unknown, low: number, high: number): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw badRequest(`policy ${policy}: ${key} must be a whole number between ${low} and ${high}`)
  }
}
