import { afterAll, beforeAll, expect, it } from 'vitest'
import { openCommandBench, operationEnd, type CommandBench } from './command-bench.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await openCommandBench()
})
afterAll(() => bench.close())

/** Runs for minutes when nothing stops it. */
const ENDLESS = 'range x from 1 to 1000000000000 step 1 | summarize n = count() by y = x % 7'

it('stops the work of a canceled operation and leaves no data', async () => {
  const started = await bench.run(`.set async Endless <| ${ENDLESS}`)
  const id = String(started.rows[0]?.[0])
  expect(await bench.rows(`.show operations ${id}`)).toMatchObject([{ State: 'InProgress', Operation: 'TableSet' }])
  await expect(bench.run(`.show operation ${id} details`)).rejects.toMatchObject({ status: 400 })
  const [row] = await bench.rows(`.cancel operation ${id} with (reason="enough")`)
  expect(row).toMatchObject({ OperationId: id, CancellationState: 'Cancelled successfully', ReasonPhrase: 'enough' })
  expect(await operationEnd(bench, started)).toMatchObject({ State: 'Canceled', Status: 'enough' })
  expect(await bench.rows(`.cancel operation ${id}`)).toMatchObject([{ CancellationState: 'Cancel failed' }])
})

it('rejects a synchronous command with the reason of its abort, soon', async () => {
  const abort = new AbortController()
  const running = bench.run(`.set-or-append T <| ${ENDLESS}`, { signal: abort.signal })
  const outcome = running.then(
    () => undefined,
    (error: unknown) => error,
  )
  while (
    !bench.services.operations.list().some(({ kind, state }) => kind === 'TableSetOrAppend' && state === 'InProgress')
  ) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const reason = new Error('the caller left')
  const before = performance.now()
  abort.abort(reason)
  expect(await outcome).toBe(reason)
  expect(performance.now() - before).toBeLessThan(5000)
})

it('does not start a command that is aborted already', async () => {
  await expect(
    bench.run('.create table Never (a:long)', { signal: AbortSignal.abort(new Error('no')) }),
  ).rejects.toThrow('no')
  expect(bench.services.catalog.table('db1', 'Never')).toBeUndefined()
})

it('shows why an operation failed', async () => {
  const started = await bench.run('.append async Missing <| print 1')
  expect(await operationEnd(bench, started)).toMatchObject({
    State: 'Failed',
    Status: "Entity ID 'Missing' of kind 'Table' was not found.",
    ShouldRetry: false,
    Database: 'db1',
  })
  const id = String(started.rows[0]?.[0])
  expect(await bench.rows(`.show ingestion failures with (OperationId="${id}")`)).toMatchObject([
    { OperationId: id, FailureKind: 'Permanent', OperationKind: 'TableAppend' },
  ])
})

it('gives only the operations that are asked for, and none for an id it never had', async () => {
  const ids = (await bench.run('.show operations')).rows.map(([id]) => String(id))
  expect(ids.length).toBeGreaterThanOrEqual(2)
  const two = await bench.run(`.show operations (${ids[1]}, ${ids[0]})`)
  expect(two.rows.map(([id]) => id)).toEqual([ids[1], ids[0]])
  expect((await bench.run('.show operations 11111111-2222-3333-4444-555555555555')).rows).toEqual([])
  await expect(bench.run('.show operation 11111111-2222-3333-4444-555555555555 details')).rejects.toMatchObject({
    code: 'BadRequest_EntityNotFound',
  })
})

it('cancels requests by their client request id', async () => {
  const stopped: string[] = []
  const release = bench.services.requests.add('client;1', (reason) => stopped.push(reason))
  expect((await bench.run('.cancel query "client;1" with (reason="x")')).rows).toEqual([['client;1', 'Cancelled']])
  release()
  expect(stopped).toEqual(['cancelled'])
  await expect(bench.run('.cancel query "client;1"')).rejects.toMatchObject({ status: 400 })
})
