import { randomUUID } from 'node:crypto'
import type { DuckSession } from '../engine/duck.ts'
import type { OperationResult } from '../engine/operations.ts'
import type { Cell, Column } from '../lang/syntax.ts'
import { LocalError } from '../server/local-error.ts'
import { parseStorageConnectionString } from '../storage/connection-string.ts'
import { FORMATS } from './formats.ts'
import { ingestSources, type IngestServices } from './ingest-sources.ts'
import { parseIngestionProperties } from './ingestion-properties.ts'

export interface IngestCommand {
  readonly database: string
  readonly table: string
  /** Pairs of the `with (...)` clause, unquoted. */
  readonly properties: readonly (readonly [string, string])[]
  readonly signal: AbortSignal
}

const INLINE_COLUMNS: readonly Column[] = [{ name: 'ExtentId', type: 'guid' }]

const PULL_COLUMNS: readonly Column[] = [
  { name: 'ExtentId', type: 'guid' },
  { name: 'ItemLoaded', type: 'string' },
  { name: 'Duration', type: 'timespan' },
  { name: 'HasErrors', type: 'bool' },
  { name: 'OperationId', type: 'guid' },
]

/** `.ingest inline into table T [with (...)] <| data`: CSV unless the properties say otherwise. */
export async function ingestInline(
  services: IngestServices,
  session: DuckSession,
  command: IngestCommand & {
    /** The text after `<|` exactly as it stands, see `inlineData`, or the records of the bracket form. */
    readonly data: string
  },
): Promise<OperationResult> {
  const properties = parseIngestionProperties(command.properties)
  const format = properties.format ?? 'csv'
  if (format === 'parquet') throw new LocalError('BadRequest_FormatNotSupported', 'inline data cannot be parquet')
  const outcomes = await ingestSources(services, session, {
    ...command,
    sources: [{ kind: 'bytes', bytes: Buffer.from(command.data), name: `inline.${FORMATS[format].extension}`, format }],
    properties,
  })
  return { columns: INLINE_COLUMNS, rows: outcomes.map(({ extentId }) => [extentId]), state: stateOf(outcomes) }
}

/** The data of `<|`: literally the rest of the command, without the line break that may follow the arrow. */
export function inlineData(rest: string): string {
  return rest.replace(/^[ \t]*\r?\n/, '')
}

/** `.ingest [async] into table T ('url', ...) with (...)`: all of the blobs in one transaction. */
export async function ingestInto(
  services: IngestServices,
  session: DuckSession,
  command: IngestCommand & {
    /** Storage connection strings, unquoted. */
    readonly sources: readonly string[]
    readonly operationId?: string | undefined
  },
): Promise<OperationResult> {
  const started = process.hrtime.bigint()
  const locations = command.sources.map(parseStorageConnectionString)
  const outcomes = await ingestSources(services, session, {
    ...command,
    sources: locations.map((location) => ({ kind: 'blob', location })),
    properties: parseIngestionProperties(command.properties),
  })
  const durationTicks = (process.hrtime.bigint() - started) / 100n
  const operationId = command.operationId ?? randomUUID()
  const rows = outcomes.map(({ extentId }, index): readonly Cell[] => [
    extentId,
    locations[index]?.url ?? '',
    durationTicks,
    false,
    operationId,
  ])
  return { columns: PULL_COLUMNS, rows, state: stateOf(outcomes) }
}

function stateOf(outcomes: readonly { readonly skipped: boolean }[]): 'Skipped' | undefined {
  return outcomes.length > 0 && outcomes.every(({ skipped }) => skipped) ? 'Skipped' : undefined
}
