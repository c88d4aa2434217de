import { describe, expect, it } from 'vitest'
import { Operations } from '../../../src/local/engine/operations.ts'
import { LocalError } from '../../../src/local/server/local-error.ts'

const RESULT = { columns: [{ name: 'n', type: 'long' }], rows: [[1n]] } as const

/** Work that ends only when it is aborted. */
const endless = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('INTERRUPT Error: Interrupted!')))
  })

async function ended(operations: Operations, id: string): Promise<NonNullable<ReturnType<Operations['get']>>> {
  for (;;) {
    const record = operations.get(id)
    if (record !== undefined && record.state !== 'InProgress') return record
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('operations', () => {
  it('hands out the id before the work begins and keeps its result', async () => {
    const operations = new Operations()
    let begun = false
    const id = operations.start('TableSet', 'db1', async () => {
      begun = true
      return RESULT
    })
    expect(begun).toBe(false)
    expect(operations.get(id.toUpperCase())).toMatchObject({ state: 'InProgress', kind: 'TableSet', database: 'db1' })
    expect(await ended(operations, id)).toMatchObject({ state: 'Completed', details: RESULT })
  })

  it('keeps no details when told so', async () => {
    const operations = new Operations()
    const id = operations.start('TableSet', 'db1', async () => RESULT, { keepDetails: false })
    expect(await ended(operations, id)).toMatchObject({ state: 'Completed', details: undefined })
  })

  it.each([
    [new LocalError('BadRequest', 'no'), { state: 'Failed', status: 'no', shouldRetry: false }],
    [new LocalError('Busy', 'later', { status: 429, permanent: false }), { state: 'Throttled', shouldRetry: true }],
    [new Error('defect'), { state: 'Failed', status: 'defect', shouldRetry: false }],
  ])('records %s', async (error, expected) => {
    const operations = new Operations()
    const id = operations.start('TableSet', 'db1', async () => {
      throw error
    })
    expect(await ended(operations, id)).toMatchObject(expected)
  })

  it('cancels by abort and tells the reason, not the words of the interrupted work', async () => {
    const operations = new Operations()
    const id = operations.start('TableSet', 'db1', endless)
    await new Promise((resolve) => setImmediate(resolve))
    expect(await operations.cancel(id, 'enough')).toBe(true)
    expect(operations.get(id)).toMatchObject({ state: 'Canceled', status: 'enough' })
    expect(await operations.cancel(id)).toBe(false)
  })

  it('passes the abort of a caller that waits to the work, and its reason back', async () => {
    const operations = new Operations()
    const abort = new AbortController()
    const running = operations.run('TableSet', 'db1', abort.signal, endless)
    setImmediate(() => abort.abort('the caller left'))
    await expect(running).rejects.toBe('the caller left')
    expect(operations.list()).toMatchObject([{ state: 'Canceled' }])
  })

  it('stops everything on close and takes no more work', async () => {
    const operations = new Operations()
    const id = operations.start('TableSet', 'db1', endless)
    await operations.close()
    expect(operations.get(id)?.state).toBe('Canceled')
    expect(() => operations.start('TableSet', 'db1', endless)).toThrow(expect.objectContaining({ status: 503 }))
  })
})
