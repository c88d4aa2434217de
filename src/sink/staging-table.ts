import { randomUUID } from 'node:crypto'
import type { KustoColumn } from '../arrow/scalar-types.ts'
import { untilAborted } from '../base/abort.ts'
import { KustoAuthError, KustoServiceError } from '../errors.ts'
import { refreshBatchingPolicy, showTablePolicy } from '../kql/commands/policy-commands.ts'
import { executeDatabaseScript } from '../kql/commands/script-commands.ts'
import { dropTable } from '../kql/commands/table-commands.ts'
import type { Kql } from '../kql/kql.ts'
import { redact } from '../protocol/redact.ts'
import { planRenewal, planStaging } from './plan-staging.ts'
import type { SinkContext } from './sink-context.ts'
import { stagingName } from './staging-name.ts'

export interface StagingRequest {
  readonly target: string
  /** Whether the target is there and may have a batching policy of its own. */
  readonly targetExists: boolean
  readonly columns: readonly KustoColumn[]
  readonly creationTime: Date | undefined
  readonly stagingTimeoutMs: number
}

/** The table that takes the rows of a write until they are moved. */
export interface Staging {
  readonly name: string
  /** Whether this write makes the table and drops it; else it is the caller's. */
  readonly isOwn: boolean
  /** Makes the table ready for rows; asked before each submission. */
  prepare(signal: AbortSignal | undefined): Promise<void>
  /** Drops the table if it is the write's own and there may be one. */
  drop(signal: AbortSignal): Promise<void>
}

/**
 * A hidden table that takes the rows of one write until they are moved. Not created before it is needed. Creation is not
 * broken off by the caller's abort, for the service would go on and leave a table: `drop` waits for it first.
 */
export class StagingTable implements Staging {
  readonly name: string
  readonly isOwn = true
  readonly #context: SinkContext
  readonly #request: StagingRequest
  readonly #stop = new AbortController()
  #creation: Promise<void> | undefined
  /** Whether a command was sent that makes the table. */
  #mayExist = false
  #renewAtMs = 0

  constructor(context: SinkContext, request: StagingRequest) {
    this.#context = context
    this.#request = request
    const id = randomUUID().replaceAll('-', '').slice(0, 12)
    this.name = stagingName({ table: request.target, createdAtMs: Date.now(), id })
  }

  /** Creates the table, and later on sees to it that it is not deleted while rows are still coming. */
  async prepare(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#creation === undefined) {
      this.#creation = this.#create()
      // Settled here: an abort may leave nobody waiting for it.
      this.#creation.catch(() => undefined)
    }
    await untilAborted(this.#creation, signal)
    if (Date.now() >= this.#renewAtMs) await this.#renew(signal)
  }

  /** Drops the table if there may be one. */
  async drop(signal: AbortSignal): Promise<void> {
    if (this.#creation === undefined) return
    if (!this.#mayExist) {
      this.#stop.abort(new Error('the staging table is not needed any more'))
      return
    }
    try {
      const created = this.#creation.catch(() => undefined)
      await untilAborted(created, signal)
    } catch (error) {
      this.#stop.abort(error)
      throw error
    }
    await this.#context.command(dropTable(this.name), signal, { repeatable: true })
    this.#creation = undefined
  }

  async #create(): Promise<void> {
    const { target, targetExists } = this.#request
    const { signal } = this.#stop
    const batching = targetExists ? await this.#batchingPolicy() : undefined
    signal.throwIfAborted()
    this.#mayExist = true
    const nowMs = Date.now()
    await runTogether(this.#context, planStaging({ ...this.#request, name: this.name, nowMs, batching }), signal)
    this.#renewAtMs = nowMs + this.#request.stagingTimeoutMs / 4
    if (batching === undefined) return
    try {
      const refresh = refreshBatchingPolicy(this.#context.database, this.name)
      await this.#context.command(refresh, signal, { endpoint: 'ingestion' })
    } catch (error) {
      signal.throwIfAborted()
      // The policy is taken up after some minutes all the same, and not every service has the command.
      this.#context.log.warning(`the batching policy of ${target} may be late for its staging table: ${String(error)}`)
    }
  }

  async #batchingPolicy(): Promise<string | undefined> {
    const [row] = await this.#context.command(
      showTablePolicy(this.#request.target, 'ingestionbatching'),
      this.#stop.signal,
    )
    const policy = row?.text('Policy') ?? ''
    return policy === '' || policy === 'null' ? undefined : policy
  }

  async #renew(signal: AbortSignal | undefined): Promise<void> {
    const { target, stagingTimeoutMs } = this.#request
    const nowMs = Date.now()
    await runTogether(this.#context, planRenewal({ name: this.name, target, stagingTimeoutMs, nowMs }), signal)
    this.#renewAtMs = nowMs + stagingTimeoutMs / 4
  }
}

/**
 * Runs commands that may be repeated as one script. A script needs Database Admin, the commands in it less: whoever may
 * not run scripts has them run one by one.
 */
export async function runTogether(
  context: SinkContext,
  commands: readonly Kql[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    const rows = await context.command(executeDatabaseScript(commands), signal, { repeatable: true })
    const failed = rows.find((row) => row.text('Result') !== 'Completed')
    if (failed === undefined) return
    throw new KustoServiceError(
      'KUSTO_SCRIPT_FAILED',
      `expected a completed command, found ${failed.text('Result')}: ${redact(failed.text('Reason'))}`,
      { status: 200 },
    )
  } catch (error) {
    if (!(error instanceof KustoAuthError) || error.code !== 'KUSTO_FORBIDDEN') throw error
  }
  for (const command of commands) await context.command(command, signal, { repeatable: true })
}
