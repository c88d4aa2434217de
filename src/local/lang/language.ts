import { Worker } from 'node:worker_threads'

import { KustoError } from '../../errors.ts'
import { requireLanguagePackage } from './load.ts'
import type { LanguageReply, LanguageRequest } from './messages.ts'
import type { Analysis, AnalyzeScope, DatabaseSchema } from './syntax.ts'

/** The official Kusto parser and binder, on a thread of its own. */
export interface Language {
  /** Replaces the catalog; analyses asked for afterwards see it. */
  setDatabases(databases: readonly DatabaseSchema[]): void
  /** Parses and binds a query or a management command. */
  analyze(text: string, scope: AnalyzeScope): Promise<Analysis>
  /** Ends the thread; what is still asked for is rejected. */
  close(): Promise<void>
}

interface Pending {
  readonly resolve: (analysis: Analysis) => void
  readonly reject: (error: Error) => void
}

/**
 * Starts the thread and waits until it is warm. A thread that dies is replaced; the questions it held are rejected.
 *
 * @throws {KustoUsageError} LOCAL_PEER_MISSING when the parser package is not installed.
 */
export async function startLanguage(): Promise<Language> {
  requireLanguagePackage()
  const client = new LanguageClient()
  await client.start()
  return client
}

class LanguageClient implements Language {
  #worker: Worker | undefined
  #databases: readonly DatabaseSchema[] = []
  #closed = false
  #nextId = 1
  readonly #pending = new Map<number, Pending>()

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] })
      this.#worker = worker
      worker.on('message', (reply: LanguageReply) => {
        if (reply.kind === 'ready') {
          // Only open questions keep the process alive.
          if (this.#pending.size === 0) worker.unref()
          resolve()
        } else this.#settle(worker, reply)
      })
      worker.on('error', (error) => {
        reject(error)
        this.#lost(worker, error)
      })
      // What cannot be read does not say whose answer it is.
      worker.on('messageerror', (error) => {
        this.#lost(worker, error)
        void worker.terminate()
      })
      worker.on('exit', () => {
        reject(new KustoError('LOCAL_LANGUAGE_LOST', 'the language thread ended before it was ready'))
        this.#lost(worker, undefined)
      })
    })
  }

  setDatabases(databases: readonly DatabaseSchema[]): void {
    this.#databases = databases
    this.#post({ kind: 'databases', databases })
  }

  async analyze(text: string, scope: AnalyzeScope): Promise<Analysis> {
    if (this.#closed) throw new KustoError('LOCAL_CLOSED', 'the embedded Kusto is closed')
    if (this.#worker === undefined) this.#restart()
    const id = this.#nextId++
    return await new Promise<Analysis>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#worker?.ref()
      this.#post({ kind: 'analyze', id, text, scope })
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    this.#worker = undefined
    this.#rejectAll(new KustoError('LOCAL_CLOSED', 'the embedded Kusto is closed'))
    await worker?.terminate()
  }

  #post(request: LanguageRequest): void {
    this.#worker?.postMessage(request)
  }

  #settle(worker: Worker, reply: Exclude<LanguageReply, { kind: 'ready' }>): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) worker.unref()
    if (reply.kind === 'analysis') pending?.resolve(reply.analysis)
    else {
      const cause = new Error(reply.message)
      cause.stack = reply.stack
      pending?.reject(
        new KustoError('LOCAL_LANGUAGE_FAILED', `the query could not be analysed: ${reply.message}`, { cause }),
      )
    }
  }

  #lost(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#rejectAll(new KustoError('LOCAL_LANGUAGE_LOST', 'the language thread ended', { cause }))
  }

  /** Messages posted before the thread is ready wait in its queue, so nobody needs to wait here. */
  #restart(): void {
    this.start().catch(() => undefined)
    this.#post({ kind: 'databases', databases: this.#databases })
  }

  #rejectAll(error: Error): void {
    const waiting = [...this.#pending.values()]
    this.#pending.clear()
    for (const each of waiting) each.reject(error)
  }
}
