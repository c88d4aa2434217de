import { describe, expect, it } from 'vitest'
import { CommandRow } from '../../src/client/command-table.ts'
import { KustoNetworkError, KustoServiceError } from '../../src/errors.ts'
import { kql } from '../../src/kql/kql.ts'
import type { ListedExtent } from '../../src/sink/extent-list.ts'
import { MOVE_RETRY, moveExtents, recallExtents } from '../../src/sink/move-extents.ts'
import type { MoveOutcome } from '../../src/sink/move-extents.ts'
import type { SinkContext } from '../../src/sink/sink-context.ts'

const ID = '00000000-0000-0000-0000-0000000000'
const extent = (n: number): ListedExtent => ({
  id: `${ID}${String(n).padStart(2, '0')}`,
  rows: 10,
  createdFromMs: 0,
  createdToMs: 0,
  tags: [],
})

const row = (cells: Readonly<Record<string, string | number>>): CommandRow =>
  new CommandRow(Object.values(cells), new Map(Object.keys(cells).map((name, at) => [name, at])))

/** What the service does with the n-th move, and with the answer to it. */
interface Move {
  readonly does: 'move' | 'nothing' | 'move later'
  readonly answers: 'operation' | 'nothing' | 'busy' | 'bad request'
  /** State of its operation. */
  readonly state?: string
  readonly details?: 'all' | 'failed' | 'few'
}

/** A service with a staging table of some extents, whose moves follow a script; the last entry holds for all further ones. */
class ScriptedService {
  readonly sent: string[] = []
  staged: readonly ListedExtent[]
  readonly #moves: readonly Move[]
  /** Commands with this beginning fail. */
  broken: string | undefined
  #count = 0
  #later = false

  constructor(staged: readonly ListedExtent[], moves: readonly Move[]) {
    this.staged = staged
    this.#moves = moves
  }

  #current(): Move {
    return this.#moves[Math.min(this.#count, this.#moves.length) - 1]!
  }

  command(text: string): readonly CommandRow[] {
    this.sent.push(text)
    if (this.broken !== undefined && text.startsWith(this.broken)) throw lost()
    if (text.startsWith('.show table')) return this.#list()
    if (text.startsWith('.drop extents')) {
      const dropped = this.staged
      this.staged = []
      return dropped.map(({ id }) => row({ ExtentId: id, TableName: 'S' }))
    }
    if (text.startsWith('.show operations')) {
      const { state = 'Completed' } = this.#current()
      return [row({ State: state, Status: 'because', ShouldRetry: 0 })]
    }
    if (text.startsWith('.show operation ')) return this.#details()
    this.#count++
    const move = this.#current()
    if (move.answers === 'bad request') throw refusal(400)
    if (move.answers === 'busy') throw refusal(429)
    const isThere = this.staged.length > 0
    if (move.does === 'move') this.#moveNow()
    if (move.does === 'move later') this.#later = true
    if (move.answers === 'nothing') throw lost()
    if (!isThere) throw refusal(400)
    return [row({ OperationId: `${ID}99` })]
  }

  #moved: readonly ListedExtent[] = []

  #moveNow(): void {
    this.#moved = this.staged
    this.staged = []
  }

  #list(): readonly CommandRow[] {
    const listed = this.staged.map(({ id, rows }) =>
      row({ ExtentId: id, RowCount: rows, MinCreatedOn: '2020-01-01', MaxCreatedOn: '2020-01-01', Tags: '' }),
    )
    if (this.#later) this.#moveNow()
    this.#later = false
    return listed
  }

  #details(): readonly CommandRow[] {
    const { details = 'all' } = this.#current()
    const named = details === 'few' ? this.#moved.slice(1) : this.#moved
    return named.map(({ id }) =>
      row({ OriginalExtentId: id, ResultExtentId: details === 'failed' ? 'Failed' : `${ID}77`, Details: 'no space' }),
    )
  }
}

const lost = (): KustoNetworkError => new KustoNetworkError('KUSTO_CONNECTION_FAILED', 'reset', { retryable: true })
const refusal = (status: number): KustoServiceError =>
  new KustoServiceError('Refused', 'refused', { status, permanent: status === 400, retryable: status !== 400 })

function contextOf(service: ScriptedService): SinkContext {
  return {
    command: (csl: { readonly text: string }, signal?: AbortSignal) =>
      new Promise((resolve) => {
        signal?.throwIfAborted()
        resolve(service.command(csl.text))
      }),
  } as unknown as SinkContext
}

interface Run {
  readonly outcome: MoveOutcome
  readonly moves: number
  readonly waits: readonly number[]
}

async function run(
  service: ScriptedService,
  options: { readonly mayMerge?: boolean; readonly timeoutMs?: number; readonly random?: () => number } = {},
): Promise<Run> {
  const waits: number[] = []
  let nowMs = 0
  const outcome = await moveExtents(contextOf(service), {
    staging: 'S',
    extents: service.staged,
    mayMerge: options.mayMerge ?? false,
    command: () => Promise.resolve(kql`.move`),
    timeoutMs: options.timeoutMs ?? 3_600_000,
    signal: undefined,
    random: options.random ?? (() => 1),
    sleep: (delayMs) => {
      waits.push(delayMs)
      nowMs += delayMs
      return Promise.resolve()
    },
    now: () => nowMs,
  })
  return { outcome, moves: service.sent.filter((text) => text === '.move').length, waits }
}

const two = [extent(1), extent(2)]

describe('moveExtents', () => {
  it('is done when the details name every extent', async () => {
    const { outcome, moves } = await run(new ScriptedService(two, [{ does: 'move', answers: 'operation' }]))
    expect([outcome.kind, outcome.operationIds.length, moves]).toEqual(['moved', 1, 1])
  })

  it.each(['failed', 'few'] as const)('does not believe details that name %s, but looks', async (details) => {
    const { outcome } = await run(new ScriptedService(two, [{ does: 'move', answers: 'operation', details }]))
    expect(outcome.kind).toBe('moved')
  })

  it('finds out by the extents that a move was carried out whose answer was lost', async () => {
    const { outcome, moves } = await run(new ScriptedService(two, [{ does: 'move', answers: 'nothing' }]))
    expect([outcome.kind, moves]).toEqual(['moved', 1])
  })

  it('moves again what was not moved, and takes no harm from the first move coming late', async () => {
    const late: readonly Move[] = [
      { does: 'move later', answers: 'nothing' },
      { does: 'move', answers: 'operation' },
    ]
    const { outcome } = await run(new ScriptedService(two, late))
    expect(outcome.kind).toBe('moved')
  })

  it('spark:W17 tries a bounded number of times, after waits that grow within their bound', async () => {
    const service = new ScriptedService(two, [{ does: 'nothing', answers: 'busy' }])
    const { outcome, moves, waits } = await run(service)
    expect([outcome.kind, moves]).toEqual(['untouched', MOVE_RETRY.maxAttempts])
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000])
    const jittered = await run(new ScriptedService(two, [{ does: 'nothing', answers: 'busy' }]), { random: () => 0.25 })
    expect(jittered.waits).toEqual([250, 500, 1_000, 2_000])
  })

  it('starts no attempt beyond its time', async () => {
    const service = new ScriptedService(two, [{ does: 'nothing', answers: 'busy' }])
    const { outcome, waits } = await run(service, { timeoutMs: 2_500 })
    expect([outcome.kind, waits]).toEqual(['untouched', [1_000]])
  })

  it('does not repeat what the service refuses for good', async () => {
    const refused = await run(new ScriptedService(two, [{ does: 'nothing', answers: 'bad request' }]))
    expect([refused.outcome.kind, refused.moves]).toEqual(['untouched', 1])
    const failed = await run(new ScriptedService(two, [{ does: 'nothing', answers: 'operation', state: 'Failed' }]))
    expect([failed.outcome.kind, failed.moves]).toEqual(['untouched', 1])
    expect(failed.outcome).toMatchObject({ error: { code: 'KUSTO_MOVE_FAILED' } })
  })

  it('does not say that nothing was moved while a move may be under way', async () => {
    const { outcome, moves } = await run(new ScriptedService(two, [{ does: 'nothing', answers: 'nothing' }]))
    expect([outcome.kind, moves]).toEqual(['unknown', MOVE_RETRY.maxAttempts])
    const waiting: readonly Move[] = [{ does: 'nothing', answers: 'operation', state: 'InProgress' }]
    expect((await run(new ScriptedService(two, waiting), { timeoutMs: 60_000 })).outcome).toMatchObject({
      kind: 'unknown',
      error: { code: 'KUSTO_POLL_TIMEOUT' },
    })
  })

  it('does not know where the extents are when some have gone, or nobody answers', async () => {
    const some = new ScriptedService(two, [{ does: 'nothing', answers: 'busy' }])
    const moving = run(some)
    some.staged = [extent(1)]
    expect((await moving).outcome.kind).toBe('unknown')
    const silent = new ScriptedService(two, [{ does: 'move', answers: 'nothing' }])
    silent.broken = '.show table'
    expect((await run(silent)).outcome.kind).toBe('unknown')
  })

  it('follows extents of a table that the service merges by their rows', async () => {
    const service = new ScriptedService(two, [
      { does: 'nothing', answers: 'bad request' },
      { does: 'move', answers: 'operation' },
    ])
    const moving = run(service, { mayMerge: true })
    service.staged = [{ ...extent(3), rows: 20 }]
    const { outcome, moves } = await moving
    expect([outcome.kind, moves]).toEqual(['moved', 2])
  })
})

describe('recallExtents', () => {
  const request = { staging: 'S', extents: two, mayMerge: false }
  const recall = (service: ScriptedService): Promise<string> =>
    recallExtents(contextOf(service), request, new AbortController().signal)

  it('is certain that nothing was moved when it dropped every extent', async () => {
    expect(await recall(new ScriptedService(two, []))).toBe('untouched')
  })

  it('is certain that all were moved when none is left to drop', async () => {
    expect(await recall(new ScriptedService([], []))).toBe('moved')
  })

  it('is not certain when the answer was lost, or some were there', async () => {
    const silent = new ScriptedService(two, [])
    silent.broken = '.drop extents'
    expect(await recall(silent)).toBe('unknown')
    expect(await recall(new ScriptedService([extent(1)], []))).toBe('unknown')
  })
})
