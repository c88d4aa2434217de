import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BlobFetcher } from '../../src/source/fetch-blob.ts'
import type { ReadEvent } from '../../src/source/read-events.ts'
import { parseContainerUrl } from '../../src/storage/storage-location.ts'
import type { StorageLocation } from '../../src/storage/storage-location.ts'
import { FakeStorage } from './fake-service.ts'

let storage: FakeStorage

beforeEach(async () => {
  storage = await new FakeStorage().listen()
  storage.signature = 'new'
  for (const name of ['a', 'b']) storage.blobs.set(name, Buffer.from(name))
})
afterEach(async () => {
  await storage[Symbol.asyncDispose]()
})

const signed = (signature: string): StorageLocation => parseContainerUrl(`${storage.container}?sv=1&sig=${signature}`)

function blobNamed(name: string) {
  const container = signed('old')
  return { location: { ...container, url: `${container.url}/${name}` }, rows: 1, bytes: 1 }
}

/** Resolves when storage has refused a request for the blob. */
async function refused(name: string): Promise<void> {
  while (!storage.refused.includes(name)) await turn()
}

describe('spark:R16 fresh signatures', () => {
  it('are asked for by another reader when the one that asked gives up, each telling its own listener', async () => {
    let asked = 0
    const fetcher = new BlobFetcher(async (signal) => {
      asked++
      if (asked > 1) return [signed('new')]
      return await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
    })
    const events: string[] = []
    const readers = ['a', 'b'].map((name) => {
      const stop = new AbortController()
      const onEvent = ({ kind }: ReadEvent): void => void events.push(`${name} ${kind}`)
      return { name, stop, outcome: outcomeOf(fetcher.fetch(blobNamed(name), { signal: stop.signal, onEvent })) }
    })
    await Promise.all(readers.map(({ name }) => refused(name)))
    while (events.length === 0) await turn()
    // The other one has its refusal and waits for the answer too.
    for (let count = 0; count < 20; count++) await turn()
    const [asker = '', other = ''] = events[0] === 'a containers-renewed' ? ['a', 'b'] : ['b', 'a']
    readers.find(({ name }) => name === asker)?.stop.abort(new Error('enough'))
    const outcomes = await Promise.all(readers.map(({ outcome }) => outcome))
    expect(outcomes.sort()).toEqual(['Error: enough', other])
    expect(events).toEqual([`${asker} containers-renewed`, `${other} containers-renewed`])
  })

  it('are not waited for by a reader that is aborted while another one asks', async () => {
    const fetcher = new BlobFetcher(() => new Promise(() => undefined))
    const events: ReadEvent[] = []
    const onEvent = (event: ReadEvent): void => void events.push(event)
    void fetcher.fetch(blobNamed('a'), { signal: new AbortController().signal, onEvent })
    while (events.length === 0) await turn()
    const stop = new AbortController()
    const second = outcomeOf(fetcher.fetch(blobNamed('b'), { signal: stop.signal, onEvent }))
    await turn()
    stop.abort(new Error('enough'))
    expect(await second).toBe('Error: enough')
  })
})

const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5))

/** Text of the bytes, or of what went wrong. */
async function outcomeOf(fetched: Promise<{ readonly bytes: Uint8Array }>): Promise<string> {
  try {
    return Buffer.from((await fetched).bytes).toString()
  } catch (error) {
    return String(error)
  }
}
