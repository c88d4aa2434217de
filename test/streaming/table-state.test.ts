import { describe, expect, it } from 'vitest'
import type { StreamingFailure, StreamingFailureKind } from '../../src/client/streaming-failure.ts'
import { KustoError } from '../../src/errors.ts'
import { TableState, TableStates } from '../../src/streaming/table-state.ts'

const failure = (kind: StreamingFailureKind): StreamingFailure => ({
  kind,
  error: new KustoError('X', 'x'),
  retryAfterMs: undefined,
})

describe('TableState', () => {
  it('streaming:T25 streaming:C38 bars a table for 15 minutes when streaming is off, and for 10 seconds when throttled', () => {
    const clock = { ms: 0 }
    const cases: readonly (readonly [StreamingFailureKind, number])[] = [
      ['off', 900_000],
      ['policy', 900_000],
      ['endpoint', 900_000],
      ['table', 900_000],
      ['throttled', 10_000],
      ['transient', 0],
      ['schema', 0],
      ['size', 0],
    ]
    for (const [kind, forMs] of cases) {
      clock.ms = 1000
      const state = new TableState(() => clock.ms)
      expect([kind, state.remember(failure(kind))]).toEqual([kind, forMs])
      if (forMs === 0) {
        expect(state.circuit).toBeUndefined()
        continue
      }
      clock.ms += forMs - 1
      expect(state.circuit?.failure.kind).toBe(kind)
      clock.ms += 1
      expect(state.circuit).toBeUndefined()
    }
  })

  it('streaming:C35 keeps the lowest limit it was told, for a while', () => {
    const clock = { ms: 0 }
    const state = new TableState(() => clock.ms)
    expect(state.limitBytes(4000)).toBe(4000)
    state.learnLimit(2000)
    state.learnLimit(3000)
    expect([state.limitBytes(4000), state.limitBytes(1000)]).toEqual([2000, 1000])
    clock.ms = 900_000
    expect(state.limitBytes(4000)).toBe(4000)
  })

  it('tells tables apart and can forget one or all', () => {
    const states = new TableStates(() => 0)
    for (const table of ['a', 'b']) states.of(table).remember(failure('off'))
    states.reset('a')
    expect([states.of('a').circuit, states.of('b').circuit?.failure.kind]).toEqual([undefined, 'off'])
    states.reset()
    expect(states.of('b').circuit).toBeUndefined()
  })

  it('streaming:C42 holds requests back while it is paused, and waits for those under way', async () => {
    const order: string[] = []
    const state = new TableState(() => 0)
    const leave = await state.enter(undefined)
    const resume = await state.pause(undefined)
    const drained = state.drained(undefined).then(() => order.push('drained'))
    const entered = (async () => {
      const leaveAgain = await state.enter(undefined)
      order.push('entered')
      leaveAgain()
    })()
    await Promise.resolve()
    expect(order).toEqual([])
    leave()
    await drained
    resume()
    await entered
    expect(order).toEqual(['drained', 'entered'])
  })

  it('streaming:C42 grants one pause at a time, asked for together or woken together', async () => {
    const state = new TableState(() => 0)
    const order: string[] = []
    let paused = 0
    const pauses = ['a', 'b', 'c'].map(async (name) => {
      const resume = await state.pause(undefined)
      paused += 1
      order.push(`${name} of ${paused}`)
      await Promise.resolve()
      paused -= 1
      resume()
    })
    await Promise.all(pauses)
    expect(order).toEqual(['a of 1', 'b of 1', 'c of 1'])
  })

  it('streaming:C42 holds back a request that is woken together with the next pause', async () => {
    const state = new TableState(() => 0)
    const order: string[] = []
    const first = await state.pause(undefined)
    const pausing = state.pause(undefined)
    const entering = state.enter(undefined).then(() => order.push('entered'))
    first()
    const second = await pausing
    await state.drained(undefined)
    order.push('drained')
    await new Promise<void>((resolve) => void setImmediate(resolve))
    second()
    await entering
    expect(order).toEqual(['drained', 'entered'])
  })

  it('streaming:C42 ends its own pause only, however often it is ended', async () => {
    const state = new TableState(() => 0)
    const first = await state.pause(undefined)
    first()
    const second = await state.pause(undefined)
    first()
    let entered = false
    const entering = state.enter(undefined).then(() => (entered = true))
    await new Promise<void>((resolve) => void setImmediate(resolve))
    expect(entered).toBe(false)
    second()
    await entering
  })

  it('gives a waiting request back its abort', async () => {
    const state = new TableState(() => 0)
    const resume = await state.pause(undefined)
    const controller = new AbortController()
    const waiting = state.enter(controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    resume()
    await expect(state.drained(undefined)).resolves.toBeUndefined()
  })
})
