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
  /** Never delete the table while it has rows, however late: an empty one may go. Default false. */
  readonly keepsRows?: boolean
}

/** What the documentation of a staging table says, as JSON. */
export interface StagingNote {
  readonly target: string
  /** ISO 8601: until then its write may still be at work. */
  readonly busyUntil: string
}

const DAY_MS = 86_400_000
const TICKS_PER_MS = 10_000n

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
  const ExpiryDate = new Date(nowMs + stagingTimeoutMs).toISOString()
  return alterTablePolicy(name, 'auto_delete', { ExpiryDate, DeleteIfNotEmpty: !keepsRows })
}

/** Retention counts from the creation time that the extents are given, so it must reach back as far. */
function retention({ creationTime, stagingTimeoutMs, nowMs }: StagingPlanInput): object {
  const ageMs = Math.max(0, nowMs - (creationTime?.getTime() ?? nowMs))
  const periodMs = Math.ceil((ageMs + stagingTimeoutMs + DAY_MS) / DAY_MS) * DAY_MS
  return { SoftDeletePeriod: formatTimespan(BigInt(periodMs) * TICKS_PER_MS), Recoverability: 'Disabled' }
}

function stagingNote({
  target,
  stagingTimeoutMs,
  nowMs,
}: Pick<StagingPlanInput, 'target' | 'stagingTimeoutMs' | 'nowMs'>): string {
  const note: StagingNote = { target, busyUntil: new Date(nowMs + stagingTimeoutMs / 2).toISOString() }
  return JSON.stringify(note)
}
