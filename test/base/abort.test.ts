import { expect, it } from 'vitest'
import { AbortScope, untilAborted } from '../../src/base/abort.ts'

it('an abort scope follows the outer signal until it is closed', () => {
  const outer = new AbortController()
  const scope = new AbortScope(outer.signal)
  const closed = new AbortScope(outer.signal)
  closed.close()
  outer.abort(new Error('enough'))
  expect(scope.signal.reason).toEqual(new Error('enough'))
  expect(closed.signal.aborted).toBe(false)
})

it('an abort scope takes many listeners without a warning about a leak', async () => {
  const warnings: string[] = []
  const onWarning = (warning: Error): number => warnings.push(warning.name)
  process.on('warning', onWarning)
  using scope = new AbortScope()
  for (let i = 0; i < 40; i++) scope.signal.addEventListener('abort', () => undefined)
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

it('a wait ends with the reason of the signal, at once', async () => {
  const stop = new AbortController()
  const waiting = untilAborted(new Promise(() => undefined), stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})
