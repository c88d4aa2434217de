import type { RecordBatch } from 'apache-arrow'
import { KustoProtocolError, KustoUsageError } from '../errors.ts'
import { readResponse } from '../protocol/read-response.ts'
import type { ResponseEvent } from '../protocol/response-events.ts'
import type { BatchStream } from '../arrow/batches.ts'
import { AnswerMeter } from './answer-meter.ts'
import { ignoreEvent } from './read-events.ts'
import type { ReadSettings } from './read-settings.ts'
import type { QueryActivity, SourceContext } from './source-context.ts'
import { queryText } from './source-query.ts'
import type { SourceQuery } from './source-query.ts'

type TableEvent = Extract<ResponseEvent, { readonly kind: 'table' }>

/** A result whose answer is still on its way. */
export interface AnswerStream extends BatchStream {
  /** Gives the connection back, for whoever does not come to iterate; what was read already does not matter. */
  readonly close: () => Promise<void>
}

/** One query, its answer decoded while it arrives. Resolves when the header of the result is there. */
export async function openSingle(
  context: SourceContext,
  source: SourceQuery,
  settings: ReadSettings,
  activity: QueryActivity = 'query',
): Promise<AnswerStream> {
  return openResponse(await context.query(queryText(source), settings, activity), settings)
}

/** The one primary result of a response. A second one is an error: a dataframe has one schema. */
export async function openResponse(body: AsyncIterable<Uint8Array>, settings: ReadSettings): Promise<AnswerStream> {
  const { types, batchRows, signal } = settings
  const decoding = { types, batchRows, ...(signal === undefined ? {} : { signal }) }
  const meter = new AnswerMeter()
  const events =
    settings.onEvent === ignoreEvent
      ? readResponse(body, decoding)
      : meter.time(readResponse(meter.watch(body), decoding))
  const table = await firstTable(events)
  return {
    schema: table.schema,
    batches: batchesOf(events, table, { ...settings, meter }),
    // Not those of the batches: a generator that never began has nothing to end.
    close: async () => void (await events.return()),
  }
}

async function firstTable(events: AsyncGenerator<ResponseEvent, void>): Promise<TableEvent> {
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    if (next.value.kind === 'table') return next.value
  }
  throw new KustoProtocolError('KUSTO_NO_RESULT', 'expected a result table in the answer, found none')
}

async function* batchesOf(
  events: AsyncGenerator<ResponseEvent, void>,
  table: TableEvent,
  { onEvent, meter }: ReadSettings & { readonly meter: AnswerMeter },
): AsyncGenerator<RecordBatch> {
  let rows = 0
  for await (const event of events) {
    switch (event.kind) {
      case 'batch':
        rows += event.batch.numRows
        onEvent({ kind: 'batch', rows: event.batch.numRows })
        yield event.batch
        break
      case 'table-end':
        for (const [index, values] of event.lostTicks.entries()) {
          if (values > 0) onEvent({ kind: 'ticks-lost', column: table.columns[index]?.name ?? String(index), values })
        }
        break
      case 'table':
        throw new KustoUsageError(
          'KUSTO_NOT_ONE_RESULT',
          `expected a query with one result, found a second one, ${event.name}; send the queries one by one`,
        )
      case 'table-reset':
        throw new KustoProtocolError(
          'KUSTO_RESULT_REPLACED',
          'expected rows to be appended, found a progressive result that replaces them',
        )
      case 'progress':
      case 'properties':
      case 'information':
        break
      case 'end':
        onEvent({ kind: 'answer-read', rows, ...meter.measured() })
        break
    }
  }
}
