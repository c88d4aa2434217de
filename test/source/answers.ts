import type { SourceContext } from '../../src/source/source-context.ts'
import { FakeService, FakeStorage } from './fake-service.ts'

/** The answer to a query, frame by frame, and how its reader left it. */
export interface FakeAnswer {
  /** How many of the frames were taken. */
  taken: number
  /** The connection is free again: all was read, or the reader gave up. */
  isClosed: boolean
  /** All was read. */
  isComplete: boolean
}

type Column = readonly [name: string, type: string]

/** What the service reports behind rows that it has sent: a shard that was not read. */
export const PARTIAL_FAILURE = {
  code: 'LimitsExceeded',
  message: 'Request is invalid',
  '@type': 'Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException',
  '@message': 'one shard was not read',
  '@permanent': false,
}

/** The frames of one result; with a failure the completion reports it. */
export function framesOf(
  columns: readonly Column[],
  rows: readonly (readonly unknown[])[],
  failure?: object,
): readonly string[] {
  const completion = {
    FrameType: 'DataSetCompletion',
    HasErrors: failure !== undefined,
    Cancelled: false,
    ...(failure === undefined ? {} : { OneApiErrors: [{ error: failure }] }),
  }
  const table = {
    FrameType: 'DataTable',
    TableId: 1,
    TableKind: 'PrimaryResult',
    TableName: 'PrimaryResult',
    Columns: columns.map(([ColumnName, ColumnType]) => ({ ColumnName, ColumnType })),
    Rows: rows,
  }
  const header = { FrameType: 'DataSetHeader', IsProgressive: false, Version: 'v2.0' }
  return [`[${JSON.stringify(header)}\n,`, `${JSON.stringify(table)}\n,`, `${JSON.stringify(completion)}\n]`]
}

/** A service that answers queries one after another as told, the last answer for all others. */
export function answering(...scripts: readonly (readonly string[])[]): {
  readonly context: SourceContext
  readonly answers: readonly FakeAnswer[]
} {
  const answers: FakeAnswer[] = []
  const query = (): Promise<AsyncIterable<Uint8Array>> => {
    const frames = scripts[Math.min(answers.length, scripts.length - 1)] ?? []
    const answer: FakeAnswer = { taken: 0, isClosed: false, isComplete: false }
    answers.push(answer)
    return Promise.resolve(body(frames, answer))
  }
  return { context: { ...new FakeService(new FakeStorage(), []).context(), query }, answers }
}

/** Closed as a connection is: also by a reader that has not asked for the first byte. */
function body(frames: readonly string[], answer: FakeAnswer): AsyncIterable<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => {
      const frame = frames[answer.taken]
      if (frame !== undefined) {
        answer.taken++
        return Promise.resolve({ done: false, value: new TextEncoder().encode(frame) })
      }
      answer.isClosed = true
      answer.isComplete = true
      return Promise.resolve({ done: true, value: undefined })
    },
    return: () => {
      answer.isClosed = true
      return Promise.resolve({ done: true, value: undefined })
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
