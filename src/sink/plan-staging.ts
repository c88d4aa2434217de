import type { KustoColumn } from '../arrow/scalar-types.ts'
import { formatTimespan } from '../base/ticks.ts'
import { alterMergeTablePolicy, alterTablePolicy } from '../kql/commands/policy-commands.ts'
import { alterTableDocString, createTable } from '../kql/commands/table-commands.ts'
import type { Kql } from '../kql/kql.ts'

export interface StagingPlanInput {
  readonly name: string
  /** The table whose rows it holds for a while. */
  readonly target: string
  readonly columns: readonly KustoColumn[]
  readonly creationTime: Date | undefined
  readonly stagingTimeoutMs: number
  readonly nowMs: number
  /** JSON of the target's own batching policy; undefined when it has none, and both have the database's. */
  readonly batching: string | undefined
  /** Keep rows for good, however late somebody comes for them, and an empty table for a year. Default false. */
  readonly keepsRows?: boolean
}

/** What the documentation of a staging table says, as JSON. */
export interface StagingNote {
  readonly target: string
  /** ISO 8601: until then its write may still be at work. */
  readonly busyUntil: string
  /** Rows in it are in no other place, and are waited for whatever the time. Absent: no. */
  readonly keepsRows?: true
}

const DAY_MS = 86_400_000
const TICKS_PER_MS = 10_000n
/** What the service itself sets where no retention is chosen: 1,000 years. */
const FOR_GOOD_MS = 365_000 * DAY_MS
/** An empty table that keeps rows tells that they were moved, for whoever did not note it. */
const EMPTY_MS = 365 * DAY_MS

/**
 * The commands that make a staging table, all of which may be repeated: hidden, kept and deleted in time, loaded as fast as
 * the target, and never merged, because the extents that are moved are named by their ids.
 */
export function planStaging(input: StagingPlanInput): readonly Kql[] {
  const { name, columns, batching } = input
  const batchingPolicy: unknown = batching === undefined ? undefined : JSON.parse(batching)
  return [
    createTable(name, columns, { hidden: true, docString: stagingNote(input) }),
    alterTablePolicy(name, 'retention', retention(input)),
    expiry(input),
    alterMergeTablePolicy(name, 'merge', { AllowMerge: false, AllowRebuild: false }),
    ...(typeof batchingPolicy === 'object' && batchingPolicy !== null
      ? [alterTablePolicy(name, 'ingestionbatching', batchingPolicy)]
      : []),
  ]
}

/** The commands that give a staging table its time once more. */
export function planRenewal(
  input: Pick<StagingPlanInput, 'name' | 'target' | 'stagingTimeoutMs' | 'nowMs'>,
): readonly Kql[] {
  return [expiry(input), alterTableDocString(input.name, stagingNote(input))]
}

function expiry({
  name,
  stagingTimeoutMs,
  nowMs,
  keepsRows = false,
}: Pick<StagingPlanInput, 'name' | 'stagingTimeoutMs' | 'nowMs' | 'keepsRows'>): Kql {
  const ExpiryDate = new Date(nowMs + (keepsRows ? EMPTY_MS : stagingTimeoutMs)).toISOString()
  return alterTablePolicy(name, 'auto_delete', { ExpiryDate, DeleteIfNotEmpty: !keepsRows })
}

/** Retention counts from the creation time that the extents are given, so it must reach back as far. */
function retention({ creationTime, stagingTimeoutMs, nowMs, keepsRows = false }: StagingPlanInput): object {
  const ageMs = Math.max(0, nowMs - (creationTime?.getTime() ?? nowMs))
  const periodMs = keepsRows ? FOR_GOOD_MS : Math.ceil((ageMs + stagingTimeoutMs + DAY_MS) / DAY_MS) * DAY_MS
  return { SoftDeletePeriod: formatTimespan(BigInt(periodMs) * TICKS_PER_MS), Recoverability: 'Disabled' }
}

function stagingNote({
  target,
  stagingTimeoutMs,
  nowMs,
  keepsRows = false,
}: Pick<StagingPlanInput, 'target' | 'stagingTimeoutMs' | 'nowMs' | 'keepsRows'>): string {
  const busyUntil = new Date(nowMs + (keepsRows ? EMPTY_MS : stagingTimeoutMs / 2)).toISOString()
  const note: StagingNote = keepsRows ? { target, busyUntil, keepsRows } : { target, busyUntil }
  return JSON.stringify(note)
}
