import { type RecordBatch, Schema } from 'apache-arrow'
import type { BatchStream } from '../arrow/batches.ts'
import { arrowSchema } from '../arrow/scalar-types.ts'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { AbortScope } from '../base/abort.ts'
import { KustoNetworkError, KustoUsageError } from '../errors.ts'
import { isManagementCommand } from '../kql/query-text.ts'
import { applyVerbs } from './apply-verbs.ts'
import { castStream, losslessTypes } from './cast-stream.ts'
import { columnsOf } from './declared-schema.ts'
import { needsPushDown } from './evaluate-filter.ts'
import { openAuto, openDistributedRead, openSingleRead } from './read-auto.ts'
import type { OpenedRead } from './read-auto.ts'
import type { ReadSettings } from './read-settings.ts'
import type { SourceContext } from './source-context.ts'
import type { SourceQuery } from './source-query.ts'
import { checkedVerb, columnsAfter, verbKql } from './verbs.ts'
import type { Verb } from './verbs.ts'

/** A query, what the service does with it, and what is done with its rows on this side. */
export interface Dataframe {
  /** With the operators of the verbs that are pushed down. */
  readonly source: SourceQuery
  /** Verbs that are applied to the batches. */
  readonly applied: readonly Verb[]
  readonly settings: ReadSettings
}

/**
 * A dataframe over a query. With a declared schema only its columns are asked for.
 * @throws {KustoUsageError} KUSTO_COMMAND_AS_QUERY for a management command
 */
export function dataframe(source: SourceQuery, settings: ReadSettings): Dataframe {
  if (isManagementCommand(source.query.skeleton)) {
    throw new KustoUsageError(
      'KUSTO_COMMAND_AS_QUERY',
      'expected a query, found a management command: run it with command()',
    )
  }
  const declared = settings.schema?.columns
  if (declared === undefined || source.columns !== undefined) return { source, applied: [], settings }
  const narrow = verbKql({ kind: 'select', columns: declared.map((column) => column.name) })
  const operators = settings.pushDown ? [...source.operators, narrow] : source.operators
  return { source: { ...source, operators, columns: declared }, applied: [], settings }
}

/**
 * The dataframe with one more verb.
 * @throws {KustoUsageError} as `checkedVerb`; KUSTO_BAD_COLUMNS for a column that a declared schema does not have
 */
export function withVerb({ source, applied, settings }: Dataframe, verb: Verb): Dataframe {
  checkedVerb(verb)
  if (!settings.pushDown) return { source, applied: [...applied, verb], settings }
  const { columns } = source
  const pushed = {
    query: source.query,
    operators: [...source.operators, verbKql(verb)],
    ...(columns === undefined ? {} : { columns: columnsAfter(verb, columns) }),
  }
  return { source: pushed, applied, settings }
}

/** The Arrow schema of the rows, from the columns of the source. */
export function schemaOf({ applied, settings }: Dataframe, sourceColumns: readonly KustoColumn[]): Schema {
  const columns = applied.reduce((known, verb) => columnsAfter(verb, known), sourceColumns)
  const schema = arrowSchema(columns, settings.types)
  const declared = settings.schema?.arrow
  if (declared === undefined) return schema
  const fields = schema.fields.map((field) => declared.fields.find((each) => each.name === field.name) ?? field)
  return new Schema(fields, declared.metadata)
}

/** What the query is run with: lossless types when its rows are cast or filtered on this side. */
export function sentSettings({ source, applied, settings }: Dataframe): ReadSettings {
  if (applied.length === 0 && source.columns === undefined) return settings
  return { ...settings, types: losslessTypes(settings.types) }
}

/**
 * Source and settings for a read by partitions, whose rows nothing on this side goes through.
 * @throws {KustoUsageError} KUSTO_NEEDS_PUSHDOWN when verbs are applied on this side; KUSTO_BAD_SCHEMA when the declared
 * Arrow types are others than the option `types` gives
 */
export function partitionable(frame: Dataframe): { readonly source: SourceQuery; readonly settings: ReadSettings } {
  const { source, applied, settings } = frame
  const [verb] = applied
  if (verb !== undefined) throw needsPushDown(`${verb.kind} on a read by partitions`)
  if (source.columns !== undefined) {
    const given = arrowSchema(source.columns, settings.types)
    const other = schemaOf(frame, source.columns).fields.find(
      (field, index) => String(field.type) !== String(given.fields[index]?.type),
    )
    if (other !== undefined) {
      throw new KustoUsageError(
        'KUSTO_BAD_SCHEMA',
        `expected the type that partitions give for column ${other.name}, found ${String(other.type)}: see option types`,
      )
    }
  }
  return { source, settings }
}

/** Runs the dataframe's query in its mode. */
export async function openDataframe(context: SourceContext, frame: Dataframe): Promise<OpenedRead> {
  const { source, applied, settings } = frame
  const sent = sentSettings(frame)
  if (sent === settings) return openMode(context, source, settings)
  const opened = await openMode(context, source, {
    ...sent,
    // Batches and lost digits are those of the rows that the caller gets.
    onEvent: (event) => void (event.kind !== 'batch' && event.kind !== 'ticks-lost' && settings.onEvent(event)),
  })
  try {
    const { columns } = source
    const known = columns === undefined ? opened : castStream(opened, arrowSchema(columns, sent.types), () => undefined)
    const schema = schemaOf(frame, columns ?? columnsOf(opened.schema))
    const wanted = castStream(applyVerbs(known, applied), schema, settings.onEvent)
    return {
      schema,
      batches: announced(wanted, settings),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    }
  } catch (error) {
    await opened[Symbol.asyncDispose]()
    throw error
  }
}

/** The frame with a signal that also ends at its deadline; disposing it takes the timer away. */
export function startFrame(frame: Dataframe): Disposable & { readonly frame: Dataframe } {
  const { timeoutMs, signal } = frame.settings
  if (timeoutMs === undefined) return { frame, [Symbol.dispose]: () => undefined }
  const scope = new AbortScope(signal)
  const tooLate = (): KustoNetworkError =>
    new KustoNetworkError('KUSTO_READ_TIMEOUT', `the read did not end within ${timeoutMs} ms`)
  scope.limit(timeoutMs, tooLate)
  return {
    frame: { ...frame, settings: { ...frame.settings, signal: scope.signal } },
    [Symbol.dispose]: () => scope.close(),
  }
}

function openMode(context: SourceContext, source: SourceQuery, settings: ReadSettings): Promise<OpenedRead> {
  const { mode, onEvent } = settings
  switch (mode) {
    case 'auto':
      return openAuto(context, source, settings)
    case 'single':
      onEvent({ kind: 'mode', mode, reason: 'as asked' })
      return openSingleRead(context, source, settings)
    case 'distributed':
      onEvent({ kind: 'mode', mode, reason: 'as asked' })
      return openDistributedRead(context, source, settings)
  }
}

async function* announced({ batches }: BatchStream, { onEvent }: ReadSettings): AsyncGenerator<RecordBatch> {
  for await (const batch of batches) {
    onEvent({ kind: 'batch', rows: batch.numRows })
    yield batch
  }
}
