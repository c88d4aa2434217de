import type { RetryNotice } from '../base/retry.ts'
import { cancelQuery } from '../kql/commands/operation-commands.ts'
import type { Kql, KqlParameter } from '../kql/kql.ts'
import { formatRequestProperties, serverTimeoutMs, type RequestOptions } from '../protocol/request-properties.ts'
import { readCommandTable, type CommandTable } from './command-table.ts'
import type { Endpoint, KustoResponse, KustoRest } from './kusto-rest.ts'
import { log } from './log.ts'
import { newClientRequestId } from './request-headers.ts'

export interface CallOptions {
  readonly database: string
  readonly signal?: AbortSignal
  readonly properties?: RequestOptions
  /** For query text with a declaration of its own; those of a `Kql` come with it. */
  readonly parameters?: ReadonlyMap<string, KqlParameter>
  /** Default: a fresh `KAC.execute;<guid>`. Repeated attempts append `;2`, `;3`. */
  readonly clientRequestId?: string
  /** Default engine. */
  readonly endpoint?: Endpoint
  /**
   * Whether the request may be sent again when it is unknown whether it was carried out. Default: queries and
   * `.show` and `.get` commands may.
   */
  readonly repeatable?: boolean
  readonly onRetry?: (notice: RetryNotice) => void
}

const QUERY_TIMEOUT_MS = 4 * 60_000
const COMMAND_TIMEOUT_MS = 10 * 60_000
const CANCEL_TIMEOUT_MS = 5_000

/** Options every query is sent with unless the caller sets them: frames by line, fragments, errors at a table's end. */
const QUERY_OPTIONS: RequestOptions = Object.freeze({
  results_v2_newlines_between_frames: true,
  results_v2_fragment_primary_tables: true,
  results_error_reporting_placement: 'end_of_table',
})

/** Queries and management commands. */
export class KustoHttp {
  /** For requests of other kinds. */
  readonly rest: KustoRest
  readonly #cancels = new Set<Promise<void>>()

  constructor(rest: KustoRest) {
    this.rest = rest
  }

  /** Sends a query; the body is a V2 frame array. Retried until the first byte of an answer has come. */
  async query(query: Kql | string, options: CallOptions): Promise<KustoResponse> {
    const { text, parameters } = typeof query === 'string' ? { text: query, parameters: [] } : query.render()
    return this.#run('/v2/rest/query', text, {
      ...options,
      parameters: new Map([...(options.parameters ?? []), ...parameters]),
      properties: { ...QUERY_OPTIONS, ...options.properties },
      repeatable: options.repeatable ?? true,
    })
  }

  /** Sends a management command; the body is a V1 object. */
  async command(command: Kql | string, options: CallOptions): Promise<KustoResponse> {
    const text = typeof command === 'string' ? command : command.text
    const repeatable = options.repeatable ?? /^(?:\s|\/\/[^\n]*(?:\n|$))*\.(?:show|get)\s/.test(text)
    return this.#run('/v1/rest/mgmt', text, { ...options, repeatable })
  }

  /** The first table of a management command's answer, read as a whole. */
  async commandRows(command: Kql | string, options: CallOptions): Promise<CommandTable> {
    const response = await this.command(command, options)
    return readCommandTable(response)
  }

  /** Waits for cancellations that are on their way, at most 5 seconds. */
  async close(): Promise<void> {
    await Promise.all(this.#cancels)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(path: string, csl: string, options: CallOptions): Promise<KustoResponse> {
    const properties = options.properties ?? {}
    const isQuery = path.endsWith('/query')
    return this.rest.send({
      method: 'POST',
      endpoint: options.endpoint ?? 'engine',
      path,
      contentType: 'application/json; charset=utf-8',
      body: JSON.stringify({
        db: options.database,
        csl,
        properties: formatRequestProperties(properties, options.parameters),
      }),
      context: { database: options.database },
      serverTimeoutMs: serverTimeoutMs(properties) ?? (isQuery ? QUERY_TIMEOUT_MS : COMMAND_TIMEOUT_MS),
      clientRequestId: options.clientRequestId ?? newClientRequestId('execute'),
      repeatable: options.repeatable ?? false,
      signal: options.signal,
      onRetry: options.onRetry,
      ...(isQuery ? { onAbandoned: (id: string) => this.#cancel(id, options.database) } : {}),
    })
  }

  /** The service goes on with a query whose client is gone; asked to stop, it mostly does. Failures are only logged. */
  #cancel(clientRequestId: string, database: string): void {
    const cancel = async (): Promise<void> => {
      try {
        const response = await this.rest.send({
          method: 'POST',
          endpoint: 'engine',
          path: '/v1/rest/mgmt',
          contentType: 'application/json; charset=utf-8',
          body: JSON.stringify({ db: database, csl: cancelQuery(clientRequestId).text }),
          context: { database },
          serverTimeoutMs: CANCEL_TIMEOUT_MS,
          clientRequestId: newClientRequestId('cancel'),
          repeatable: false,
          signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS),
        })
        await response.close()
      } catch (error) {
        log.warning(`cancelling ${clientRequestId} failed: ${error instanceof Error ? error.message : 'unknown'}`)
      }
    }
    const pending = cancel().finally(() => this.#cancels.delete(pending))
    this.#cancels.add(pending)
  }
}
