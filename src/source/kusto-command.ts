import { type RecordBatch, Table } from 'apache-arrow'
import { typeSettings } from '../arrow/scalar-types.ts'
import type { TypeOptions } from '../arrow/scalar-types.ts'
import { checkNames } from '../base/check-options.ts'
import type { CommandTable } from '../client/command-table.ts'
import type { CallOptions, KustoHttp } from '../client/kusto-http.ts'
import type { Kql } from '../kql/kql.ts'
import type { RequestOptions } from '../protocol/request-properties.ts'
import { openResponse } from './read-single.ts'
import { readSettings } from './read-settings.ts'

export interface CommandOptions {
  /** `ingestion` for commands of the ingestion endpoint, such as `.get ingestion resources`. Default `engine`. */
  readonly endpoint?: 'engine' | 'ingestion'
  /** Arrow types for Kusto types that have several. */
  readonly types?: TypeOptions
  /** Client request properties, passed on by name. */
  readonly properties?: RequestOptions
  readonly signal?: AbortSignal
}

/** A management command, lazy until its answer is asked for; each ask runs it. */
export class KustoCommand {
  readonly #http: KustoHttp
  readonly #database: string
  readonly #command: Kql | string
  readonly #options: CommandOptions

  constructor(http: KustoHttp, database: string, command: Kql | string, options: CommandOptions) {
    checkNames(options, ['endpoint', 'types', 'properties', 'signal'])
    this.#http = http
    this.#database = database
    this.#command = command
    this.#options = { ...options, types: typeSettings(options.types) }
  }

  /** The answer's first table in Arrow. */
  async table(): Promise<Table> {
    const { signal, types } = this.#options
    const response = await this.#http.command(this.#command, this.#call())
    const settings = readSettings({
      ...(types === undefined ? {} : { types }),
      ...(signal === undefined ? {} : { signal }),
    })
    const stream = await openResponse(response.body, settings)
    const batches: RecordBatch[] = []
    for await (const batch of stream.batches) batches.push(batch)
    return new Table(stream.schema, batches)
  }

  /** The answer's first table as rows of plain values, for a few of them. */
  async rows(): Promise<CommandTable> {
    return this.#http.commandRows(this.#command, this.#call())
  }

  #call(): CallOptions {
    const { endpoint, properties, signal } = this.#options
    return {
      database: this.#database,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(properties === undefined ? {} : { properties }),
      ...(signal === undefined ? {} : { signal }),
    }
  }
}
