import type { LogStore } from '../../src/index.ts'

/** An operation of a log and the object it is for: `create moves/000000000000`. */
export type LogOperation = (operation: string) => boolean

export interface DyingLog {
  readonly log: LogStore
  /** Resolves when the process would be dead. */
  readonly dead: Promise<void>
}

/** A log whose process dies at the first operation that meets the condition: before it, or right after it was carried out. */
export function dyingAt(store: LogStore, isLast: LogOperation, when: 'before' | 'after'): DyingLog {
  let isDead = false
  let die: (() => void) | undefined
  const dead = new Promise<void>((resolve) => (die = resolve))
  const hang = async (): Promise<never> => {
    isDead = true
    die?.()
    return new Promise<never>(() => undefined)
  }
  const alive = async <R>(operation: string, work: () => Promise<R>): Promise<R> => {
    if (isDead) return hang()
    if (!isLast(operation)) return work()
    if (when === 'after') await work()
    return hang()
  }
  const log: LogStore = {
    place: store.place,
    isReplicated: store.isReplicated,
    create: (...given) => alive(`create ${given[0]}`, () => store.create(...given)),
    read: (...given) => alive(`read ${given[0]}`, () => store.read(...given)),
    list: (...given) => alive(`list ${given[0]}`, () => store.list(...given)),
    remove: (...given) => alive(`remove ${given[0]}`, () => store.remove(...given)),
    acquire: async (...given) => {
      const ownership = await alive('acquire', () => store.acquire(...given))
      return {
        epoch: ownership.epoch,
        verify: (...more) => alive('verify', () => ownership.verify(...more)),
        release: () => alive('release', () => ownership.release()),
      }
    },
  }
  return { log, dead }
}
