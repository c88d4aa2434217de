import { gunzipSync } from 'node:zlib'
import { tableFromArrays } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { openClient } from '../../src/client/open-client.ts'
import { KustoIngestError } from '../../src/errors.ts'
import { parseIngestReceipt } from '../../src/streaming/ingest-receipt-json.ts'
import { streamingWriteSettings } from '../../src/streaming/streaming-write-settings.ts'
import type { StreamingWriteOptions } from '../../src/streaming/streaming-write-settings.ts'
import { writeStreaming } from '../../src/streaming/write-streaming.ts'
import { startLoopbackServer } from '../e2e/loopback-server.ts'
import { offlineContext } from './offline-context.ts'

/** What becomes of a request, by the first row it brings. */
type Fate = 'refuse' | 'carry out and lose the answer'

/** Requests are held until there are as many as fates, so that all are under way when the first of them fails. */
async function failing(
  fates: ReadonlyMap<number, Fate>,
  options: Partial<StreamingWriteOptions> = {},
): Promise<unknown> {
  const held: (() => void)[] = []
  const server = await startLoopbackServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const first = Number(gunzipSync(Buffer.concat(chunks)).toString().split('\n')[0])
      held.push(() => {
        if (fates.get(first) !== 'refuse') return void incoming.socket.destroy()
        response.writeHead(400).end(JSON.stringify({ error: { code: 'BadRequest', '@permanent': true } }))
      })
      if (held.length === fates.size) for (const fail of held.splice(0)) fail()
    })
  })
  const client = openClient({ cluster: server.origin, auth: { kind: 'anonymous' } })
  const { batches, schema } = tableFromArrays({ n: Int32Array.from({ length: 20 }, (_, i) => i + 10) })
  const source = (async function* () {
    yield* batches
  })()
  const target = { columns: [{ name: 'n', type: 'int' }], mapping: undefined } as const
  const input = { table: 'T', schema, batches: source, isInferred: false, target, close: () => Promise.resolve() }
  // Ten rows of three bytes each.
  const settings = streamingWriteSettings({ mode: 'streaming', maxRequestBytes: 30, onAmbiguous: 'fail', ...options })
  try {
    await writeStreaming(offlineContext(client.rest, server.origin).context, input, settings)
    return undefined
  } catch (error) {
    return error
  } finally {
    await client.close()
    await server.close()
  }
}

describe('a streaming write that fails', () => {
  it('streaming:C39 tells of pieces that may be in the table, although the failure is of another one', async () => {
    const error = await failing(
      new Map([
        [10, 'refuse'],
        [20, 'carry out and lose the answer'],
      ]),
    )
    expect(error).toMatchObject({ code: 'KUSTO_WRITE_INCOMPLETE', cause: { code: 'KUSTO_STREAMING_REJECTED' } })
    const { pieces } = parseIngestReceipt(error instanceof KustoIngestError ? error.receipt : undefined, 'db')
    expect(pieces).toMatchObject([
      { path: 'failed', rowOffset: 0, rows: 10 },
      { path: 'unknown', rowOffset: 10, rows: 10 },
    ])
  })

  it('streaming:C39 tells of every piece that may be in the table', async () => {
    const error = await failing(
      new Map([
        [10, 'carry out and lose the answer'],
        [20, 'carry out and lose the answer'],
      ]),
    )
    expect(error).toMatchObject({ code: 'KUSTO_WRITE_INCOMPLETE', cause: { code: 'KUSTO_STREAMING_OUTCOME_UNKNOWN' } })
    const { pieces } = parseIngestReceipt(error instanceof KustoIngestError ? error.receipt : undefined, 'db')
    expect(pieces.map(({ path }) => path)).toEqual(['unknown', 'unknown'])
  })

  it('is the failure itself when nothing can be in the table, or only what the failure says', async () => {
    expect(
      await failing(
        new Map([
          [10, 'refuse'],
          [20, 'refuse'],
        ]),
      ),
    ).toMatchObject({ code: 'KUSTO_STREAMING_REJECTED' })
    const alone = { maxRequestBytes: 60 }
    expect(await failing(new Map([[10, 'carry out and lose the answer']]), alone)).toMatchObject({
      code: 'KUSTO_STREAMING_OUTCOME_UNKNOWN',
    })
  })
})
