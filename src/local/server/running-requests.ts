/** Why a running request was stopped. */
export type StopReason = 'cancelled' | 'timeout' | 'disconnected' | 'closing'

interface Running {
  readonly clientRequestId: string
  readonly stop: (reason: StopReason) => void
}

/** The requests under way, by the id their clients gave them (two may share one). */
export class RunningRequests {
  readonly #running = new Set<Running>()

  /** Registers a request; the returned function takes it off again. */
  add(clientRequestId: string, stop: (reason: StopReason) => void): () => void {
    const entry = { clientRequestId, stop }
    this.#running.add(entry)
    return () => void this.#running.delete(entry)
  }

  /** Stops every request with this id and tells how many there were. */
  cancel(clientRequestId: string): number {
    const found = [...this.#running].filter((entry) => entry.clientRequestId === clientRequestId)
    for (const entry of found) entry.stop('cancelled')
    return found.length
  }

  stopAll(): void {
    for (const entry of this.#running) entry.stop('closing')
  }

  /** Client request ids of what runs now. */
  list(): readonly string[] {
    return [...this.#running].map((entry) => entry.clientRequestId)
  }
}
