import { planQuery } from '../engine/query.ts'
import type { DuckSession } from '../engine/duck.ts'
import type { FaultAction } from '../faults.ts'
import type { TranslatedQuery, TranslatedResult } from '../kql/translate.ts'
import type { Services } from '../services.ts'
import type { BodyWriter } from './body-writer.ts'
import { ByteBuffer } from './byte-buffer.ts'
import { RowEncoder, type WireVersion } from './encode-rows.ts'
import { TablesEncoder } from './encode-v1.ts'
import { FrameEncoder } from './encode-v2.ts'
import type { Exchange } from './exchange.ts'
import { LocalError } from './local-error.ts'
import { resultTooLargeError } from './one-api-error.ts'
import type { QueryEncoder } from './query-encoder.ts'
import type { RequestMessage } from './request-message.ts'
import { querySettings, withSetStatements, type QuerySettings } from './request-options.ts'
import { RequestRun } from './request-run.ts'
import { schemaResult } from './schema-result.ts'
import { openMemory } from './vector-reader.ts'

export interface AnswerQueryOptions {
  readonly version: WireVersion
  readonly fault: FaultAction | undefined
}

/**
 * Runs a query and streams its answer. What fails before the first rows are computed is thrown and becomes an HTTP
 * error; what fails later is reported inside the body.
 */
export async function answerQuery(
  services: Services,
  exchange: Exchange,
  message: RequestMessage,
  options: AnswerQueryOptions,
): Promise<void> {
  const run = new RequestRun({
    requests: services.requests,
    clientRequestId: exchange.clientRequestId,
    clientGone: exchange.signal,
    timeoutMs: querySettings(message.options).timeoutMs,
  })
  let session: DuckSession | undefined
  try {
    const connected = await services.duck.connect()
    session = connected
    run.onStop(() => connected.interrupt())
    const plan = await services.catalog.read(connected, () => planQuery(services, connected, message))
    const settings = querySettings(withSetStatements(message.options, plan.options))
    await new QueryAnswer({ exchange, session: connected, run, settings, options }).stream(plan)
  } catch (error) {
    if (exchange.signal.aborted) return
    throw run.explain(error)
  } finally {
    run.end()
    session?.close()
  }
}

/** Bytes that are worth a write of their own. */
const WRITE_BYTES = 65_536
/** Rows do not wait longer than this for more rows. */
const WRITE_AFTER_MS = 50

interface QueryAnswerParts {
  readonly exchange: Exchange
  readonly session: DuckSession
  readonly run: RequestRun
  readonly settings: QuerySettings
  readonly options: AnswerQueryOptions
}

class QueryAnswer {
  readonly #parts: QueryAnswerParts
  readonly #out = new ByteBuffer(2 * WRITE_BYTES)
  readonly #encoder: QueryEncoder
  #writer: BodyWriter | undefined
  #lastWriteMs = 0
  #rows = 0
  #bytes = 0

  constructor(parts: QueryAnswerParts) {
    this.#parts = parts
    const { settings, exchange, options } = parts
    this.#encoder =
      options.version === 'v1'
        ? new TablesEncoder(this.#out, exchange.errorContext)
        : new FrameEncoder({
            out: this.#out,
            layout: settings.layout,
            fragmentRows: settings.fragmentRows,
            deferFailures: settings.deferFailures,
            context: exchange.errorContext,
          })
  }

  async stream(plan: TranslatedQuery): Promise<void> {
    const { run, settings, options } = this.#parts
    this.#encoder.start(plan.visualization)
    let error: LocalError | undefined
    for (const result of plan.results) {
      error = await this.#table(settings.schemaOnly ? schemaResult(result) : result)
      if (error === undefined && options.fault?.lateError !== undefined) error = lateError(options.fault)
      this.#encoder.closeTable(this.#rowsInTable, error)
      if (error !== undefined) break
    }
    const elapsedMs = Date.now() - run.startedMs
    this.#encoder.finish({ error, cancelled: run.cancelled, elapsedMs, rows: this.#rows, bytes: this.#bytes })
    const writer = this.#start()
    await writer.write(this.#out.take())
    await writer.end()
  }

  #rowsInTable = 0

  /** Writes the rows of one result; returns why they are not all there. Throws while nothing has been sent. */
  async #table(result: TranslatedResult): Promise<LocalError | undefined> {
    const { session, settings, run, options } = this.#parts
    const rows = new RowEncoder(result.columns, options.version, await openMemory())
    let opened = false
    const open = (): void => {
      if (!opened) this.#encoder.openTable(result.name, result.columns)
      opened = true
    }
    this.#rowsInTable = 0
    let error: LocalError | undefined
    try {
      for await (const chunk of session.chunks(result.sql)) {
        open()
        const wanted = Math.min(chunk.rowCount, settings.takeRows - this.#rowsInTable)
        const allowed = Math.min(wanted, settings.maxRows - this.#rows)
        if (allowed > 0) this.#encodeRows(rows, chunk, allowed)
        if (allowed < wanted) error = resultTooLargeError(`${settings.maxRows} records`)
        else if (this.#bytes > settings.maxBytes) error = resultTooLargeError(formatBytes(settings.maxBytes))
        if (error !== undefined || wanted < chunk.rowCount || this.#rowsInTable >= settings.takeRows) break
        await this.#flush()
      }
    } catch (failure) {
      if (!this.#parts.exchange.started) throw failure
      error = run.explain(failure)
    }
    open()
    return error
  }

  #encodeRows(encoder: RowEncoder, chunk: Parameters<RowEncoder['encode']>[0], count: number): void {
    this.#encoder.beforeRows()
    const before = this.#out.length
    encoder.encode(chunk, count, this.#out)
    this.#bytes += this.#out.length - before
    this.#rows += count
    this.#rowsInTable += count
    this.#encoder.afterRows(count)
  }

  async #flush(): Promise<void> {
    if (this.#out.length < WRITE_BYTES && Date.now() - this.#lastWriteMs < WRITE_AFTER_MS) return
    await this.#start().write(this.#out.take())
    this.#lastWriteMs = Date.now()
  }

  #start(): BodyWriter {
    this.#writer ??= this.#parts.exchange.startBody()
    return this.#writer
  }
}

function formatBytes(bytes: number): string {
  const megabytes = bytes / 1_048_576
  return Number.isInteger(megabytes) ? `${megabytes} MB` : `${bytes} bytes`
}

function lateError(fault: FaultAction): LocalError {
  const { lateError: wanted } = fault
  if (typeof wanted === 'object') {
    return new LocalError(wanted.code, wanted.message, {
      permanent: wanted.permanent ?? false,
      type: 'Kusto.Data.Exceptions.KustoServicePartialQueryFailureException',
    })
  }
  return new LocalError('LowMemoryCondition', 'Query execution lacks memory resources to complete (80DA0007)', {
    permanent: false,
    type: 'Kusto.Data.Exceptions.KustoServicePartialQueryFailureLowMemoryConditionException',
  })
}
