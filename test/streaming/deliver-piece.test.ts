import { gunzipSync } from 'node:zlib'
import { tableFromArrays } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { encodeCsv } from '../../src/arrow/encode-csv.ts'
import { openClient } from '../../src/client/open-client.ts'
import { KustoNetworkError } from '../../src/errors.ts'
import type { StreamingEvent, WriteEvent } from '../../src/index.ts'
import { deliverPiece } from '../../src/streaming/deliver-piece.ts'
import { newOutcome } from '../../src/streaming/delivery.ts'
import type { Delivery, DeliveryOutcome } from '../../src/streaming/delivery.ts'
import { deliverySettings } from '../../src/streaming/delivery-settings.ts'
import type { DeliveryOptions } from '../../src/streaming/delivery-settings.ts'
import { encodePieces } from '../../src/streaming/encode-pieces.ts'
import type { Piece } from '../../src/streaming/piece.ts'
import { startFaultServer, type Fault, type FaultServer, type Script } from '../fault/fault-server.ts'
import { offlineContext } from './offline-context.ts'

const V1: Fault = {
  kind: 'answer',
  status: 200,
  body: JSON.stringify({ Tables: [{ Columns: [{ ColumnName: 'Id', ColumnType: 'guid' }], Rows: [['x']] }] }),
}
const answer = (status: number, headers = {}, error = {}): Fault => ({
  kind: 'answer',
  status,
  headers,
  body: JSON.stringify({ error }),
})

interface Run {
  readonly server: FaultServer
  readonly outcome: DeliveryOutcome
  readonly delays: readonly number[]
  readonly confirmed: () => number
  deliver(piece: Piece, stop?: AbortSignal): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

async function start(
  script: Script,
  options: DeliveryOptions = {},
  confirm: () => Promise<void> = () => Promise.resolve(),
): Promise<Run> {
  const server = await startFaultServer(script)
  const client = openClient({ cluster: server.url, auth: { kind: 'anonymous' } })
  const { context, delays } = offlineContext(client.rest, server.url)
  let confirmed = 0
  const outcome = newOutcome()
  const delivery: Delivery = {
    context,
    table: 'T',
    format: 'csv',
    mapping: undefined,
    properties: { format: 'csv' },
    settings: deliverySettings({ fallback: 'none', ...options }),
    confirmSchema: async () => {
      confirmed += 1
      await confirm()
    },
    outcome,
  }
  return {
    server,
    outcome,
    delays,
    confirmed: () => confirmed,
    deliver: (piece, stop = new AbortController().signal) => deliverPiece(delivery, piece, stop),
    [Symbol.asyncDispose]: async () => {
      await client.close()
      await server.close()
    },
  }
}

async function pieceOf(rows: number): Promise<Piece> {
  const { batches } = tableFromArrays({ n: Int32Array.from({ length: rows }, (_, i) => i) })
  const source = (async function* () {
    yield* batches
  })()
  const options = { encode: encodeCsv, maxBytes: () => 1_000_000, onRisk: () => undefined }
  for await (const piece of encodePieces(source, options)) return piece
  throw new Error('no piece')
}

describe('deliverPiece', () => {
  it('streaming:T25 streaming:C12 repeats with the same bytes, a new request id, and waits that the service asked for', async () => {
    await using run = await start([answer(429, { 'Retry-After': '3' }), answer(503), V1])
    const piece = await pieceOf(3)
    await run.deliver(piece)
    expect(run.delays).toEqual([3000 + 1000, 2000])
    expect(run.server.requests.map(({ headers }) => headers['x-ms-client-request-id'])).toEqual(
      [1, 2, 3].map((attempt) => `KAC.executeManagedStreamingIngest;${piece.sourceId};${attempt}`),
    )
    expect(new Set(run.server.requests.map(({ body }) => body)).size).toBe(1)
    const { bytes } = await piece.body()
    expect(gunzipSync(bytes).toString()).toBe('0\n1\n2\n')
    expect(run.outcome).toMatchObject({
      pieces: [{ path: 'streamed', attempts: 3, rows: 3 }],
      counts: { retries: 2, throttled: 1 },
    })
  })

  it('streaming:T25 gives up after four attempts, or when the service asks to wait too long', async () => {
    await using run = await start([answer(429)])
    await expect(run.deliver(await pieceOf(1))).rejects.toMatchObject({ code: 'KUSTO_STREAMING_THROTTLED' })
    expect([run.server.requests.length, run.delays]).toEqual([4, [1000, 2000, 4000]])
    await using patient = await start([answer(429, { 'Retry-After': '3600' })])
    await expect(patient.deliver(await pieceOf(1))).rejects.toMatchObject({ code: 'KUSTO_STREAMING_THROTTLED' })
    expect(patient.server.requests).toHaveLength(1)
  })

  it('streaming:T26 sends what is refused for good once', async () => {
    for (const status of [400, 403, 404]) {
      await using run = await start([answer(status, {}, { '@permanent': true })])
      await expect(run.deliver(await pieceOf(2))).rejects.toThrow()
      expect(run.server.requests).toHaveLength(1)
      expect(run.outcome.pieces).toMatchObject([{ path: 'failed', rows: 2, attempts: 1 }])
    }
  })

  it('streaming:T27 halves down to the one row that is too large, and names it', async () => {
    // Row 5 alone is refused, and with it every request that holds it.
    await using run = await start(() => answer(413))
    const error: unknown = await run.deliver(await pieceOf(8)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_STREAMING_TOO_LARGE' })
    // 8, 4, 2 and 1 rows: what is refused is never sent again whole.
    expect(run.server.requests).toHaveLength(4)
    expect(run.outcome.counts.splits).toBe(3)
  })

  it('streaming:T27 converges on a limit the service does not tell, and brings every row once', async () => {
    const sizes: number[] = []
    await using run = await start((request) => {
      sizes.push(Number(request.headers['content-length']))
      return Number(request.headers['content-length']) > 1_500 ? answer(413) : V1
    })
    await run.deliver(await pieceOf(4000))
    const rows = run.outcome.pieces.filter(({ path }) => path === 'streamed')
    expect(rows.reduce((sum, { rows: count = 0 }) => sum + count, 0)).toBe(4000)
    const ends = rows.map(({ rowOffset = 0, rows: count = 0 }) => rowOffset + count)
    expect(rows.map(({ rowOffset }) => rowOffset)).toEqual([0, ...ends.slice(0, -1)])
    // Once the limit is known, it is kept to.
    const refused = sizes.filter((size) => size > 1_500)
    expect(refused.length).toBeLessThan(6)
    expect(sizes.lastIndexOf(Math.min(...refused))).toBeLessThan(8)
  })

  it('streaming:T30 goes on for five minutes with a table that the nodes do not know yet', async () => {
    const unknown = answer(400, {}, { code: 'BadRequest_EntityNotFound', '@permanent': true })
    await using run = await start([unknown])
    await expect(run.deliver(await pieceOf(1))).rejects.toMatchObject({ code: 'KUSTO_STREAMING_SCHEMA_UNKNOWN' })
    expect(run.delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(200_000)
    expect(run.delays.reduce((sum, delay) => sum + delay, 0)).toBeLessThanOrEqual(300_000)
    expect(run.confirmed()).toBe(run.server.requests.length)
    await using known = await start([unknown, unknown, V1])
    await known.deliver(await pieceOf(1))
    expect(known.outcome.pieces).toMatchObject([{ path: 'streamed', attempts: 3 }])
  })

  it('streaming:T32 tells of an update policy that failed while the rows were ingested', async () => {
    const columns = ['UpdatePolicyStatus', 'UpdatePolicyFailureCode', 'UpdatePolicyFailureReason']
    const body = JSON.stringify({
      Tables: [
        {
          Columns: columns.map((name) => ({ ColumnName: name, ColumnType: 'string' })),
          Rows: [
            ['Failed', 'UpdatePolicy_UnknownError', 'division by zero in https://a.blob.core.windows.net/c?sig=hidden'],
          ],
        },
      ],
    })
    const events: StreamingEvent[] = []
    const onEvent = (event: WriteEvent | StreamingEvent): void => void events.push(event as StreamingEvent)
    await using run = await start([{ kind: 'answer', status: 200, body }], { onEvent })
    await run.deliver(await pieceOf(1))
    expect(run.outcome.pieces).toMatchObject([{ path: 'streamed' }])
    expect(events.at(-1)).toEqual({
      kind: 'update-policy-failed',
      code: 'UpdatePolicy_UnknownError',
      message: 'division by zero in https://a.blob.core.windows.net/c?****',
    })
  })

  it('sends nothing again because a listener threw', async () => {
    const failure = new KustoNetworkError('KUSTO_CONNECTION_FAILED', 'made by a listener', { retryable: true })
    const onEvent = (): never => {
      throw failure
    }
    await using run = await start([V1], { onEvent })
    await expect(run.deliver(await pieceOf(1))).rejects.toBe(failure)
    expect(run.server.requests).toHaveLength(1)
  })

  it('streaming:C39 reports rows as unknown when the delivery stops after a request without an answer', async () => {
    const controller = new AbortController()
    await using run = await start(() => {
      controller.abort(new Error('another piece failed'))
      return { kind: 'reset' }
    })
    await expect(run.deliver(await pieceOf(2), controller.signal)).rejects.toThrow('another piece failed')
    expect(run.outcome).toMatchObject({ pieces: [{ path: 'unknown', ambiguous: 1 }], counts: { ambiguous: 1 } })
  })

  it.each([
    ['nothing was sent without an answer', [answer(413)], 'failed', ['rejected', 'size']],
    ['the whole was sent without an answer', [{ kind: 'reset' }, answer(413)], 'unknown', ['rejected', 'unknown']],
  ] as const)(
    'streaming:C39 tells of both halves when the first is refused: %s',
    async (_what, first, path, reasons) => {
      await using run = await start([...first, answer(400, {}, { '@permanent': true })])
      await expect(run.deliver(await pieceOf(10))).rejects.toMatchObject({ code: 'KUSTO_STREAMING_REJECTED' })
      expect(run.server.requests).toHaveLength(first.length + 1)
      const told = run.outcome.pieces.map((piece) => [piece.path, piece.rowOffset, piece.rows])
      expect(told).toEqual([
        [path, 0, 5],
        [path, 5, 5],
      ])
      expect(run.outcome.pieces.map(({ reason }) => reason)).toEqual(reasons)
    },
  )

  it('streaming:C39 reports rows as unknown when what refuses them later comes after a request without an answer', async () => {
    const gone = answer(400, {}, { code: 'BadRequest_EntityNotFound', '@permanent': true })
    await using run = await start([{ kind: 'reset' }, gone], {}, () => Promise.reject(new Error('no such table')))
    await expect(run.deliver(await pieceOf(2))).rejects.toThrow('no such table')
    expect(run.outcome.pieces).toMatchObject([{ path: 'unknown', ambiguous: 1 }])
  })

  it('lets a request under way come to its end when the delivery stops', async () => {
    const controller = new AbortController()
    await using run = await start(() => {
      controller.abort(new Error('another piece failed'))
      return V1
    })
    await run.deliver(await pieceOf(2), controller.signal)
    expect(run.outcome.pieces).toMatchObject([{ path: 'streamed' }])
  })

  it('streaming:C15 gives up a request at once on abort, and says that its outcome is unknown', async () => {
    const controller = new AbortController()
    await using run = await start([{ kind: 'stall' }], { signal: controller.signal })
    const delivering = run.deliver(await pieceOf(2), controller.signal)
    await run.server.seen(1)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(delivering).rejects.toBe(reason)
    expect(run.outcome.pieces).toMatchObject([{ path: 'unknown' }])
    await run.server.idle()
  })
})
