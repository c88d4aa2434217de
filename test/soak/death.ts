import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import type { ClientRequest } from 'node:http'
import type { LogStore } from '../../src/index.ts'

/** Where a process ends, or is stopped. */
export interface Death {
  /** Operations of the log, or requests over HTTP. */
  readonly of: 'log' | 'http'
  /** Only those that begin so: `create entries/`, `POST /v1/rest/ingestion/queued`. Default all. */
  readonly only?: string
  /** The first, second, ... of them. */
  readonly nth: number
  /** During: half way through the bytes of an object, or when a request is sent and not answered. */
  readonly when: 'before' | 'during' | 'after'
  /** SIGKILL, or SIGSTOP until somebody sends SIGCONT. */
  readonly how: 'kill' | 'stop'
}

/** Counts the operations of this process, and ends it at the one that was named. */
export class Doom {
  readonly #death: Death | undefined
  #seen = 0

  constructor(death: Death | undefined) {
    this.#death = death
  }

  /** Counts one, and tells whether it is the one. */
  meets(kind: Death['of'], name: string): boolean {
    const death = this.#death
    if (death === undefined || death.of !== kind || !name.startsWith(death.only ?? '')) return false
    return ++this.#seen === death.nth
  }

  strike(when: Death['when'], isMet: boolean): void {
    const death = this.#death
    if (!isMet || death === undefined || death.when !== when) return
    if (death.how === 'kill') process.kill(process.pid, 'SIGKILL')
    writeSync(1, '{"kind":"stopped"}\n')
    process.kill(process.pid, 'SIGSTOP')
  }

  /** Counts the requests of this process until it is called off. */
  watchRequests(): () => void {
    const met = new WeakSet<object>()
    const onStart = (message: unknown): void => {
      const { request } = message as { readonly request: ClientRequest }
      if (!this.meets('http', `${request.method} ${request.path}`)) return
      met.add(request)
      this.strike('before', true)
      request.once('finish', () => this.strike('during', true))
    }
    const onResponse = (message: unknown): void => {
      const { request } = message as { readonly request: ClientRequest }
      this.strike('after', met.has(request))
    }
    subscribe('http.client.request.start', onStart)
    subscribe('http.client.response.finish', onResponse)
    return () => {
      unsubscribe('http.client.request.start', onStart)
      unsubscribe('http.client.response.finish', onResponse)
    }
  }
}

/** A log whose process ends at one of its operations. */
export function mortalLog(store: LogStore, doom: Doom): LogStore {
  const around = async <R>(name: string, work: (isMet: boolean) => Promise<R>): Promise<R> => {
    const isMet = doom.meets('log', name)
    doom.strike('before', isMet)
    const result = await work(isMet)
    doom.strike('after', isMet)
    return result
  }
  return {
    place: store.place,
    isReplicated: store.isReplicated,
    create: (name, chunks, signal) =>
      around(`create ${name}`, (isMet) => store.create(name, isMet ? halves(chunks, doom) : chunks, signal)),
    read: (name, signal) => around(`read ${name}`, () => store.read(name, signal)),
    list: (folder, signal) => around(`list ${folder}`, () => store.list(folder, signal)),
    remove: (name, signal) => around(`remove ${name}`, () => store.remove(name, signal)),
    async acquire(options) {
      const ownership = await around('acquire', () => store.acquire(options))
      return {
        epoch: ownership.epoch,
        verify: (signal) => around('verify', () => ownership.verify(signal)),
        release: () => around('release', () => ownership.release()),
      }
    },
  }
}

async function* halves(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  doom: Doom,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    const half = chunk.length >> 1
    yield chunk.subarray(0, half)
    doom.strike('during', true)
    yield chunk.subarray(half)
  }
}
