import { abandonWrite, dropStaging, timeToTidyUp } from './abandon-write.ts'
import { ingestionProperties } from './blob-format.ts'
import { clearReplaced } from './clear-replaced.ts'
import { cutBlobs } from './cut-blobs.ts'
import type { ListedExtent } from './extent-list.ts'
import { loadBlobs } from './load-blobs.ts'
import type { LoadOutcome, WriteElapsed } from './load-blobs.ts'
import { moveExtents } from './move-extents.ts'
import type { MoveOutcome } from './move-extents.ts'
import { openStagingTable } from './open-staging.ts'
import { applySchemaPlan, planTable } from './prepare-table.ts'
import { prepareWrite } from './prepare-write.ts'
import type { WriteSetup } from './prepare-write.ts'
import type { TransactionOutcome, WriteReceiptJson } from './receipt-json.ts'
import { receiptOf } from './receipt-of.ts'
import type { SinkContext } from './sink-context.ts'
import { findIngestedTag } from './skip-write.ts'
import { stagedExtents } from './staged-extents.ts'
import type { Staging } from './staging-table.ts'
import { swapCommand } from './swap-command.ts'
import type { WriteInput } from './write-input.ts'
import type { WriteSettings } from './write-settings.ts'

/**
 * All or nothing: rows are loaded into a hidden staging table, counted there, and brought into the table by one command,
 * which moves them (mode `transactional`) or puts them in the place of what is there (mode `replace`). Until that command
 * the table is not touched, not even created; after it everything is in it.
 * @throws {KustoIngestError} KUSTO_STAGED_ROWS_DIFFER and KUSTO_INGESTION_FAILED with the table untouched; KUSTO_STAGING_LEFT,
 * KUSTO_MOVE_UNKNOWN and KUSTO_WRITE_COMMITTED, which say what is where
 */
export async function writeTransactional(
  context: SinkContext,
  input: WriteInput,
  settings: WriteSettings,
): Promise<WriteReceiptJson> {
  const startedAt = performance.now()
  const setup = await prepareWrite(context, input, settings, planTable)
  const staging = await closingOnFailure(input, () => openStagingTable(context, input, setup, settings))
  const elapsed = { schema: performance.now() - startedAt, encode: 0, upload: 0, queue: 0, wait: 0, move: 0 }
  const transaction = new Transaction(context, { table: input.table, setup, staging, settings, elapsed })
  return transaction.run(input)
}

interface TransactionParts {
  readonly table: string
  readonly setup: WriteSetup
  readonly staging: Staging
  readonly settings: WriteSettings
  readonly elapsed: WriteElapsed & { wait: number; move: number }
}

/** One write from its first blob to its end. */
class Transaction {
  readonly #context: SinkContext
  readonly #parts: TransactionParts
  #load: LoadOutcome = { queued: [] }
  #outcome: TransactionOutcome
  /** Extents of a move that was begun and whose end is not known. */
  #inDoubt: readonly ListedExtent[] | undefined
  #isCommitted = false

  constructor(context: SinkContext, parts: TransactionParts) {
    this.#context = context
    this.#parts = parts
    this.#outcome = { kind: 'nothing', stagingLeft: false, operationIds: [], movedExtents: 0, droppedExtents: 0 }
  }

  async run(input: WriteInput): Promise<WriteReceiptJson> {
    const { table, setup, staging, settings } = this.#parts
    await this.#loadBlobs(input)
    try {
      if (this.#load.failure !== undefined) throw this.#load.failure.error
      if (this.#load.queued.length === 0) return await this.#withoutRows()
      this.#outcome = { ...this.#outcome, stagingTable: staging.name, stagingLeft: !staging.isOwn }
      const deadlineMs = performance.now() + settings.timeoutMs
      const extents = await this.#timed('wait', () => this.#staged(deadlineMs))
      const tag = await findIngestedTag(this.#context, table, settings)
      if (tag !== undefined) return await this.#skipped(tag)
      await applySchemaPlan(this.#context, { table, plan: setup.plan }, settings)
      await this.#timed('move', () => this.#move(extents, deadlineMs - performance.now()))
      await this.#tidyUp()
      return this.#receipt()
    } catch (error) {
      throw await abandonWrite(this.#context, {
        ...this.#parts,
        error,
        queued: this.#load.queued,
        ...(this.#load.failure === undefined ? {} : { removal: this.#load.failure.removal }),
        via: setup.via,
        receipt: this.#receipt(),
        isCommitted: this.#isCommitted,
        ...(this.#inDoubt === undefined ? {} : { inDoubt: this.#inDoubt }),
      })
    }
  }

  async #loadBlobs({ schema, batches }: WriteInput): Promise<void> {
    const { setup, staging, settings, elapsed } = this.#parts
    const { mapping } = setup.plan
    // The staging table has no stored mappings, so one goes along as it is; and whether a tag is there is asked of the target.
    const plan = mapping === undefined ? setup.plan : { ...setup.plan, mapping: { ...mapping, reference: undefined } }
    const properties = ingestionProperties(plan, setup.format, {
      ...settings,
      ingestIfNotExists: [],
      tags: withReplaceTag(settings),
    })
    this.#load = await loadBlobs(this.#context, {
      target: staging.name,
      schema,
      cuts: cutBlobs(batches, settings),
      setup,
      properties,
      settings,
      elapsed,
      beforeSubmit: (signal) => staging.prepare(signal),
    })
  }

  async #withoutRows(): Promise<WriteReceiptJson> {
    const { table, setup, settings } = this.#parts
    await applySchemaPlan(this.#context, { table, plan: setup.plan }, settings)
    if (settings.mode === 'replace' && setup.plan.create === undefined) {
      const droppedExtents = await clearReplaced(this.#context, table, settings)
      this.#outcome = { ...this.#outcome, kind: 'cleared', droppedExtents }
    }
    return this.#receipt()
  }

  async #staged(deadlineMs: number): Promise<readonly ListedExtent[]> {
    const { table, staging, settings } = this.#parts
    const receipt = receiptOf(this.#context, { ...this.#queued(), table: staging.name })
    const timeoutMs = Math.max(1, Math.ceil(deadlineMs - performance.now()))
    const extents = await stagedExtents(this.#context, { receipt, target: table, settings, timeoutMs })
    settings.onEvent({ kind: 'rows-staged', stagingTable: staging.name, rows: receipt.rows, extents: extents.length })
    return extents
  }

  async #move(extents: readonly ListedExtent[], timeoutMs: number): Promise<void> {
    const { table, staging, settings } = this.#parts
    let dropped = 0
    const outcome = await moveExtents(this.#context, {
      staging: staging.name,
      extents,
      mayMerge: !staging.isOwn,
      command: async (current) => {
        const swap = await swapCommand(this.#context, { from: staging.name, to: table, extents: current }, settings)
        dropped = swap.dropped
        return swap.csl
      },
      timeoutMs,
      signal: settings.signal,
    })
    this.#outcome = {
      ...this.#outcome,
      kind: settings.mode === 'replace' ? 'replaced' : 'moved',
      operationIds: outcome.operationIds,
      movedExtents: extents.length,
      droppedExtents: dropped,
    }
    if (outcome.kind !== 'moved') throw this.#failed(outcome, extents)
    this.#isCommitted = true
    settings.onEvent({ kind: 'extents-moved', table, movedExtents: extents.length, droppedExtents: dropped })
  }

  #failed(outcome: Exclude<MoveOutcome, { kind: 'moved' }>, extents: readonly ListedExtent[]): unknown {
    if (outcome.kind === 'unknown') this.#inDoubt = extents
    return outcome.error
  }

  /** Another write under the same tag was faster. */
  async #skipped(tag: string): Promise<WriteReceiptJson> {
    const { table, settings } = this.#parts
    settings.onEvent({ kind: 'skipped', table, tag })
    this.#outcome = { ...this.#outcome, kind: 'skipped' }
    await this.#tidyUp()
    const queued = { ...this.#queued(), queued: [] }
    return { ...ended(receiptOf(this.#context, queued), this.#outcome), skippedBy: tag }
  }

  /** What is done cannot fail any more: a table that stays is told. */
  async #tidyUp(): Promise<void> {
    using scope = timeToTidyUp(this.#parts.settings.signal)
    const isDropped = await dropStaging(this.#context, this.#parts, scope.signal)
    if (!isDropped) this.#outcome = { ...this.#outcome, stagingLeft: true }
  }

  /** Of a write that has ended: `completed()` has nothing to wait for. */
  #receipt(): WriteReceiptJson {
    return ended(receiptOf(this.#context, this.#queued()), this.#outcome)
  }

  #queued(): Parameters<typeof receiptOf>[1] {
    const { table, setup, settings, elapsed } = this.#parts
    const { plan, format, via } = setup
    return { table, mode: settings.mode, plan, format, via, queued: this.#load.queued, elapsed }
  }

  async #timed<R>(phase: 'wait' | 'move', work: () => Promise<R>): Promise<R> {
    const startedAt = performance.now()
    try {
      return await work()
    } finally {
      this.#parts.elapsed[phase] += performance.now() - startedAt
    }
  }
}

function ended(receipt: WriteReceiptJson, transaction: TransactionOutcome): WriteReceiptJson {
  const { rows, blobs } = receipt
  return { ...receipt, outcome: { rows, blobs: blobs.length, skippedRows: 0, skippedBlobs: 0 }, transaction }
}

/** What replaces the extents of a tag carries it, or the next replacement would not find it. */
function withReplaceTag({ tags, replaceTag }: WriteSettings): readonly string[] {
  const tag = `drop-by:${replaceTag ?? ''}`
  return replaceTag === undefined || tags.includes(tag) ? tags : [...tags, tag]
}

async function closingOnFailure<R>(input: WriteInput, work: () => Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    await input.close()
    throw error
  }
}
