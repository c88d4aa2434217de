import { expect, test } from 'vitest'
import { poll } from '../../src/base/poll.ts'

test('asks with growing waits between half and all of their bound until there is an answer', async () => {
  const waits: number[] = []
  let nowMs = 0
  const answer = await poll(async (attempt) => (attempt === 5 ? 'there' : undefined), {
    what: 'it',
    timeoutMs: 60_000,
    random: () => 0,
    now: () => nowMs,
    sleep: async (ms) => void ((nowMs += ms), waits.push(ms)),
  })
  expect([answer, waits]).toEqual(['there', [250, 375, 562.5, 843.75]])
})

test('asks once more at the end of the time and then names what did not finish', async () => {
  let nowMs = 0
  let asked = 0
  const run = poll(async () => void asked++, {
    what: 'operation 7',
    timeoutMs: 1_000,
    random: () => 1,
    now: () => nowMs,
    sleep: async (ms) => void (nowMs += ms),
  })
  await expect(run).rejects.toMatchObject({
    code: 'KUSTO_POLL_TIMEOUT',
    message: 'operation 7 did not finish within 1000 ms',
  })
  expect([asked, nowMs]).toEqual([3, 1_000])
})

test('an abort ends the wait with its reason', async () => {
  const stop = new AbortController()
  const reason = new Error('stop')
  const run = poll(async () => void setImmediate(() => stop.abort(reason)), {
    what: 'it',
    timeoutMs: 60_000,
    firstDelayMs: 30_000,
    signal: stop.signal,
  })
  await expect(run).rejects.toBe(reason)
})
