import { parentPort } from 'node:worker_threads'
import { errorData } from './error-transfer.ts'
import type { FromThread, Handed, Supply } from './worker-thread.ts'

/** A request as it arrives in a thread; what was posted has no id and gets no answer. */
export interface ThreadRequest {
  readonly kind: string
  readonly id?: number
}

/** Does one request. `next` asks the other side for the next item: undefined when there are no more. */
export type Serve<Request> = (request: Request, next: () => Promise<unknown>) => Promise<Handed>

/** Answers the requests that a `WorkerThread` sends to this thread, each with the result of `serve` or with its error. */
export function serveThread<Request extends ThreadRequest>(serve: Serve<Request>): void {
  const waiting = new Map<number, (supply: Supply) => void>()
  const next = async (id = 0): Promise<unknown> => {
    const supply = await new Promise<Supply>((resolve) => {
      waiting.set(id, resolve)
      send({ kind: 'want', id })
    })
    if (supply.isOver) throw new Error('nobody waits for this any more')
    return supply.value
  }
  const answer = async (request: Request): Promise<void> => {
    const { id } = request
    try {
      const { value, transfer } = await serve(request, () => next(id))
      if (id !== undefined) send({ kind: 'answer', id, value }, transfer)
    } catch (error) {
      if (id !== undefined) send({ kind: 'failed', id, error: errorData(error) })
    }
  }
  parentPort?.on('message', (message: Request | Supply) => {
    if (isSupply(message)) {
      const resolve = waiting.get(message.id)
      waiting.delete(message.id)
      resolve?.(message)
    } else void answer(message)
  })
}

function send(message: FromThread, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer)
}

function isSupply(message: ThreadRequest): message is Supply {
  return message.kind === 'supply'
}
