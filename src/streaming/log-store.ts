import { KustoError } from '../errors.ts'

/**
 * Where a write-ahead log lives: objects under names, each made whole or not at all, and never changed. Names are made of
 * letters, digits, dots and dashes, in one level of folders.
 */
export interface LogStore {
  /** Where it is, for messages; without credentials. */
  readonly place: string
  /** Whether what was accepted survives the loss of this machine. */
  readonly isReplicated: boolean
  /**
   * Makes an object and does not return before it is durable. False when there is one of that name already, which is left as
   * it is. An earlier attempt of the same process whose answer was lost counts as this one.
   */
  create(name: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, signal?: AbortSignal): Promise<boolean>
  /** @throws {KustoError} KUSTO_LOG_OBJECT_MISSING */
  read(name: string, signal?: AbortSignal): Promise<Uint8Array>
  /** Names in a folder, sorted, with the time they were made in milliseconds since 1970. */
  list(folder: string, signal?: AbortSignal): Promise<readonly LogObject[]>
  /** Nothing to do for one that is gone. */
  remove(name: string, signal?: AbortSignal): Promise<void>
  /**
   * Becomes the owner: gives an epoch higher than any before. Only tells whether another owner is alive; what keeps two owners
   * apart is that of two objects of one name only one can be made.
   * @throws {KustoUsageError} KUSTO_LOG_IN_USE while another owner is alive
   */
  acquire(options?: AcquireLogOptions): Promise<LogOwnership>
}

export interface LogObject {
  readonly name: string
  readonly createdAtMs: number
}

export interface AcquireLogOptions {
  /** Become the owner although another one seems to be alive, which finds itself shut out. Default false. */
  readonly takeOver?: boolean
  readonly signal?: AbortSignal
}

/** The right to append to a log. */
export interface LogOwnership {
  readonly epoch: number
  /** @throws {KustoError} KUSTO_LOG_FENCED when another owner came after */
  verify(signal?: AbortSignal): Promise<void>
  /** Lets another owner in at once. */
  release(): Promise<void>
}

/** Folder of the owners, one object for each epoch. */
export const EPOCHS = 'epochs'

/** Names of numbered objects sort as their numbers do. */
export function numberedName(folder: string, number: number, suffix = ''): string {
  return `${folder}/${String(number).padStart(12, '0')}${suffix}`
}

export function numberOf(name: string): number {
  return Number(/\/0*(\d+)/.exec(name)?.[1])
}

export function fenced(place: string, epoch: number, newest: number): KustoError {
  return new KustoError(
    'KUSTO_LOG_FENCED',
    `expected to be the owner of the log in ${place} since epoch ${epoch}, found that epoch ${newest} has begun: ` +
      'another writer goes on with this stream',
  )
}
