import { createHash } from 'node:crypto'
import { type Schema, Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import { schemaDrift } from '../arrow/schema-drift.ts'
import { arrowSchema } from '../arrow/scalar-types.ts'
import type { KustoColumn, TypeSettings } from '../arrow/scalar-types.ts'
import { KustoUsageError } from '../errors.ts'

const KIND = 'kusto-arrow/read-plan'
const VERSION = 1

/** One exported blob as a plan names it: which version, and what it must hold. */
export interface PlanBlob {
  /** Without query string: who reads it brings the access. */
  readonly url: string
  readonly etag: string
  readonly bytes: number
  readonly rows: number
}

export interface PlanPartition {
  readonly index: number
  readonly rows: number
  readonly blobs: readonly PlanBlob[]
}

/** What a plan says; see {@link ReadPlan}. */
export interface PlanContent {
  readonly cluster: string
  readonly database: string
  /** SHA-256 of the query's text and values, in hex. */
  readonly queryHash: string
  readonly columns: readonly KustoColumn[]
  readonly types: TypeSettings
  /** The prefix of all blobs, below their containers. */
  readonly directory: string
  readonly operationIds: readonly string[]
  /** Whether `release` may delete the blobs. */
  readonly ownsBlobs: boolean
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** When it is no longer read; ISO 8601, UTC. */
  readonly expiresAt: string
  readonly partitions: readonly PlanPartition[]
}

/**
 * An export as plain JSON, to be read by partition in this process or another one. It holds no credential: neither
 * signatures nor keys nor tokens, and of the query only a digest.
 */
export interface ReadPlan extends PlanContent {
  readonly kind: typeof KIND
  readonly version: typeof VERSION
  /** SHA-256 of everything else in canonical form, in hex. */
  readonly planId: string
  /** The Arrow schema of the rows: an IPC stream in base64. */
  readonly schema: string
}

/** The plan of an export. */
export function makePlan(content: PlanContent): ReadPlan {
  const schema = ipcOf(arrowSchema(content.columns, content.types))
  const plan = { kind: KIND, version: VERSION, ...content, schema } as const
  return { ...plan, planId: digest(plan) }
}

/**
 * Reads a plan that was stored as JSON. Fields it does not know are kept.
 * @throws {KustoUsageError} KUSTO_BAD_PLAN for anything else than an unchanged plan of version 1 without credentials
 */
export function parsePlan(json: unknown): ReadPlan {
  const value = typeof json === 'string' ? parseJson(json) : json
  if (!isObject(value) || value['kind'] !== KIND) throw badPlan(`a plan of kind ${KIND}, found something else`)
  if (value['version'] !== VERSION) throw badPlan(`version ${VERSION}, found ${String(value['version'])}`)
  const { planId, ...rest } = value
  if (planId !== digest(rest)) throw badPlan('a plan as it was made, found one that was changed')
  // The digest holds, so the shape is the one that was written; what decides access is looked at all the same.
  const plan = value as unknown as ReadPlan
  if (!Array.isArray(plan.partitions) || !Array.isArray(plan.columns)) throw badPlan('partitions and columns')
  for (const { blobs } of plan.partitions) for (const blob of blobs) checkBlob(blob)
  return plan
}

/**
 * The schema that a plan's rows have.
 * @throws {KustoUsageError} KUSTO_BAD_PLAN when its columns and its Arrow schema do not say the same
 */
export function planSchema({ columns, types, schema: ipc }: ReadPlan): Schema {
  const schema = arrowSchema(columns, types)
  // Both by way of IPC, whose readers take a byte order mark off a name.
  const drift = schemaDrift(schemaIn(ipc), schemaIn(ipcOf(schema)))
  if (drift !== undefined) throw badPlan(`columns that fit its schema: ${drift}`)
  return schema
}

/**
 * One partition of a plan.
 * @throws {KustoUsageError} KUSTO_NO_PARTITION when there is none of that number; KUSTO_PLAN_EXPIRED
 */
export function planPartition(plan: ReadPlan, index: number, nowMs: number): PlanPartition {
  if (nowMs >= Date.parse(plan.expiresAt)) {
    throw new KustoUsageError(
      'KUSTO_PLAN_EXPIRED',
      `expected a plan of today, found one that ended at ${plan.expiresAt}`,
    )
  }
  const partition = plan.partitions[index]
  if (partition !== undefined) return partition
  throw new KustoUsageError(
    'KUSTO_NO_PARTITION',
    `expected a partition from 0 to ${plan.partitions.length - 1}, found ${String(index)}`,
  )
}

function ipcOf(schema: Schema): string {
  return Buffer.from(tableToIPC(new Table(schema), 'stream')).toString('base64')
}

function schemaIn(ipc: string): Schema {
  return tableFromIPC(Buffer.from(ipc, 'base64')).schema
}

function checkBlob({ url, etag, bytes, rows }: PlanBlob): void {
  const plain = typeof url === 'string' && /^https?:\/\/[^?#;\s]+$/.test(url)
  if (!plain) throw badPlan('URLs of blobs without query string')
  if (typeof etag !== 'string' || !Number.isSafeInteger(bytes) || !Number.isSafeInteger(rows) || rows < 0) {
    throw badPlan(`an ETag, bytes and rows of ${url}`)
  }
}

/** SHA-256 of JSON with the keys of every object in order. */
function digest(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(ordered(value)))
    .digest('hex')
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, ordered(item)]),
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new KustoUsageError('KUSTO_BAD_PLAN', 'expected a plan, found text that is not JSON', { cause })
  }
}

function badPlan(expected: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_PLAN', `expected ${expected}`)
}
