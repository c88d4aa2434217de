import { describe, expect, it } from 'vitest'
import { KustoProtocolError, KustoServiceError } from '../../src/errors.ts'
import type { CommandRow } from '../../src/client/command-table.ts'
import type { BlobState, BlobStatus } from '../../src/sink/ingestion-service.ts'
import type { SinkContext } from '../../src/sink/sink-context.ts'
import { submitBatch } from '../../src/streaming/submit-batch.ts'
import type { SubmitRequest, Submitted } from '../../src/streaming/submit-batch.ts'
import type { EntryRecord } from '../../src/streaming/wal-records.ts'
import type { LoggedAttempt } from '../../src/streaming/read-log.ts'
import type { WriteAheadLog } from '../../src/streaming/write-ahead-log.ts'

const DAY_MS = 86_400_000
/** What the log says when another submission is about to be made. */
const AGAIN = new Error('another intent')

const entry: EntryRecord = {
  kind: 'entry',
  version: 1,
  sequence: 4,
  staged: 'staged/000000000004-aa.csv.gz',
  rows: 10,
  rawBytes: 100,
  encodedBytes: 50,
  sha256: '',
  extension: 'csv.gz',
  properties: { format: 'csv' },
  schema: '',
  partialRows: 0,
  epoch: 1,
  createdAt: new Date().toISOString(),
}

interface Service {
  /** One for each time it is asked; the last one is given again. */
  readonly answers?: readonly (Partial<BlobStatus> | Error | 'hang')[]
  /** Whether an extent has the tag, one for each time. */
  readonly tags?: readonly boolean[]
}

interface Given extends Service {
  readonly attempts?: number
  readonly ageMs?: number
  readonly isAnswered?: boolean
  readonly settings?: Partial<SubmitRequest['settings']>
  readonly signal?: AbortSignal
}

function submit({ answers = [], tags = [], ...given }: Given): { result: Promise<Submitted>; asked: string[] } {
  const asked: string[] = []
  const turn = <T>(values: readonly T[], what: string): T | undefined => {
    const at = asked.filter((each) => each === what).length
    asked.push(what)
    return values[Math.min(at, values.length - 1)]
  }
  const status = async (signal: AbortSignal | undefined): Promise<readonly BlobStatus[]> => {
    const answer = turn(answers, 'status')
    if (answer instanceof Error) throw answer
    if (answer === 'hang') {
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
    }
    return [{ sourceId: 's', state: 'Queued', errorCode: '', details: '', ...answer }]
  }
  const context = {
    database: 'db',
    command: async () => (turn(tags, 'tag') === true ? [{} as CommandRow] : []),
    ingestion: {
      use: (work: (service: unknown) => Promise<unknown>, { signal }: { readonly signal?: AbortSignal }) =>
        work({ status: () => status(signal) }),
    },
  } as unknown as SinkContext
  const log = {
    intend: async () => {
      asked.push('intent')
      throw AGAIN
    },
  } as unknown as WriteAheadLog
  const createdAt = new Date(Date.now() - (given.ageMs ?? 0)).toISOString()
  const attempts = Array.from({ length: given.attempts ?? 1 }, (_, index): LoggedAttempt => ({
    intent: {
      kind: 'intent',
      version: 1,
      sequence: 4,
      attempt: index + 1,
      sourceId: 's',
      table: 'T',
      epoch: 1,
      createdAt,
    },
    sent:
      given.isAnswered === false ? undefined : { kind: 'sent', version: 1, via: 'rest', operationId: 'o', createdAt },
  }))
  const result = submitBatch(context, {
    log,
    entry,
    attempts,
    table: 'T',
    tag: 'kx123456abcdefgh-4',
    write: { ingestionStorage: { kind: 'service' }, deleteIngestedBlobs: true },
    settings: { inDoubtMs: 1_000, tagLifetimeMs: 7 * DAY_MS, completionTimeoutMs: 50, ...given.settings },
    signal: given.signal ?? new AbortController().signal,
    onRetry: () => undefined,
    onSent: () => undefined,
  })
  return { result, asked }
}

const refusal = (status: number): KustoServiceError =>
  new KustoServiceError('KUSTO_SERVICE_ERROR', `status ${status}`, { status, retryable: status >= 500 })

describe('streaming:C16 a batch that was sent', () => {
  it.each([
    ['Succeeded', undefined, 'succeeded'],
    ['PartiallySucceeded', undefined, 'KUSTO_INGESTION_FAILED'],
    ['Canceled', undefined, 'KUSTO_INGESTION_FAILED'],
    ['Failed', 'Permanent', 'KUSTO_INGESTION_FAILED'],
    ['Failed', undefined, 'KUSTO_INGESTION_FAILED'],
  ] as const)('streaming:T7 and is %s %s ends as %s, and is not sent again', async (state, failureStatus, end) => {
    const answer: Partial<BlobStatus> = { state, ...(failureStatus === undefined ? {} : { failureStatus }) }
    const { result, asked } = submit({
      answers: [{ state: 'InProgress' }, answer],
      settings: { completionTimeoutMs: 5_000 },
    })
    const found = await result.then(
      ({ evidence }) => evidence,
      (error: { readonly code: string }) => error.code,
    )
    expect(found).toBe(end)
    expect(asked).toEqual(['status', 'status'])
  })

  it('streaming:T7 is sent again after a failure that may pass, with an intent first', async () => {
    const { result, asked } = submit({ answers: [{ state: 'Failed', failureStatus: 'Transient' }] })
    await expect(result).rejects.toBe(AGAIN)
    expect(asked).toEqual(['status', 'intent'])
  })

  it.each(['Queued', 'InProgress'] satisfies BlobState[])(
    'streaming:T7 streaming:C15 and stays %s is waited for, not sent again',
    async (state) => {
      const { result, asked } = submit({ answers: [{ state }] })
      await expect(result).rejects.toMatchObject({ code: 'KUSTO_POLL_TIMEOUT' })
      expect(asked).not.toContain('intent')
    },
  )
})

describe('streaming:T6 asking after a batch', () => {
  it('ends with what forbids it', async () => {
    const { result, asked } = submit({ answers: [refusal(403)] })
    await expect(result).rejects.toMatchObject({ status: 403 })
    expect(asked).toEqual(['status'])
  })

  it('goes on after a failure of the service', async () => {
    const { result } = submit({
      answers: [refusal(500), { state: 'Succeeded' }],
      settings: { completionTimeoutMs: 5_000 },
    })
    expect(await result).toEqual({ evidence: 'succeeded' })
  })

  it('ends on abort while the service says nothing', async () => {
    const abort = new AbortController()
    const { result } = submit({ answers: ['hang'], signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(result).rejects.toThrow('enough')
  })

  it.each([
    ['by an operation that is gone', refusal(404)],
    ['by a status that is in no table any more', new KustoProtocolError('KUSTO_STATUS_NOT_FOUND', 'no such blob')],
  ])('turns to the table when the service knows nothing of it, told %s', async (_, answer) => {
    const { result, asked } = submit({
      answers: [answer],
      tags: [true],
      settings: { completionTimeoutMs: 60_000 },
    })
    expect(await result).toEqual({ evidence: 'tag found' })
    expect(asked.filter((each) => each === 'status')).toHaveLength(5)
  })
})

describe('a tag', () => {
  it('streaming:T8 streaming:C17 that is there before the first attempt ends the writer', async () => {
    const { result } = submit({ answers: [{ state: 'Skipped' }] })
    await expect(result).rejects.toMatchObject({ code: 'KUSTO_TAG_COLLISION' })
  })

  it('streaming:C17 streaming:T11 that is there at a later attempt is of the rows themselves', async () => {
    const { result } = submit({ answers: [{ state: 'Skipped' }], attempts: 2 })
    expect(await result).toEqual({ evidence: 'skipped' })
  })

  it('streaming:T5 tells that a batch without answer arrived', async () => {
    const { result, asked } = submit({ isAnswered: false, tags: [false, true] })
    expect(await result).toEqual({ evidence: 'tag found' })
    expect(asked).toEqual(['tag', 'tag'])
  })

  it('streaming:T5 that does not come within the time has the batch sent again', async () => {
    const { result, asked } = submit({ isAnswered: false, ageMs: 2_000 })
    await expect(result).rejects.toBe(AGAIN)
    expect(asked).toEqual(['tag', 'intent'])
  })

  it('streaming:T37 is waited for no longer because the clock was set back', async () => {
    const { result, asked } = submit({ isAnswered: false, ageMs: -30 * DAY_MS, settings: { inDoubtMs: 20 } })
    await expect(result).rejects.toBe(AGAIN)
    expect(asked.at(-1)).toBe('intent')
  })

  it('streaming:T9 streaming:C29 streaming:T37 that may be gone again ends the writer, and nothing is sent', async () => {
    const { result, asked } = submit({ isAnswered: false, ageMs: 8 * DAY_MS })
    await expect(result).rejects.toMatchObject({ code: 'KUSTO_IN_DOUBT' })
    expect(asked).toEqual(['tag'])
  })

  it('streaming:C29 that may be gone keeps even a failed batch from being sent again', async () => {
    const { result, asked } = submit({ answers: [{ state: 'Failed', failureStatus: 'Transient' }], ageMs: 8 * DAY_MS })
    await expect(result).rejects.toMatchObject({ code: 'KUSTO_IN_DOUBT' })
    expect(asked).not.toContain('intent')
  })
})
