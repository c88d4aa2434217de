import { describe, expect, it } from 'vitest'
import { KustoServiceError, KustoUsageError } from '../../src/errors.ts'
import { isLimitError } from '../../src/protocol/limit-error.ts'
import { readResponse, responseSettings } from '../../src/protocol/read-response.ts'
import { ResponseReader } from '../../src/protocol/response-reader.ts'
import { chunksOf, collectResponse, eventsOf } from '../conformance/collect-response.ts'

const HEAD = '[{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0"}'
const DONE = '{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]'

function body(columns: readonly (readonly [string, string])[], rows: readonly string[]): Buffer {
  const head = JSON.stringify(columns.map(([ColumnName, ColumnType]) => ({ ColumnName, ColumnType })))
  const table = `"TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult","Columns":${head}`
  return Buffer.from(`${HEAD},{"FrameType":"DataTable",${table},"Rows":[${rows.join(',')}]},${DONE}`)
}

const longs = (count: number): Buffer =>
  body(
    [['n', 'long']],
    Array.from({ length: count }, (_, index) => `[${index}]`),
  )

async function batchSizes(bytes: Buffer, options = {}): Promise<number[]> {
  const events = await eventsOf(chunksOf(bytes, 1000), options)
  return events.flatMap((event) => (event.kind === 'batch' ? [event.batch.numRows] : []))
}

describe('batches', () => {
  it('have 65,536 rows unless told otherwise, and the last has the rest', async () => {
    expect(await batchSizes(longs(140_000))).toEqual([65_536, 65_536, 8_928])
    expect(await batchSizes(longs(7), { batchRows: 3 })).toEqual([3, 3, 1])
    expect(await batchSizes(longs(6), { batchRows: 3 })).toEqual([3, 3])
  })

  it('end early when they have read enough bytes', async () => {
    expect(await batchSizes(longs(9), { batchBytes: 8 })).toEqual([3, 2, 2, 2])
  })

  it('keep their values when the next ones are read', async () => {
    const events = await eventsOf(chunksOf(longs(5000), 333), { batchRows: 700 })
    const values = events.flatMap((event) => (event.kind === 'batch' ? [...event.batch.getChildAt(0)!] : []))
    expect(values).toEqual(Array.from({ length: 5000 }, (_, index) => BigInt(index)))
  })

  it('are delivered before the error that follows them', async () => {
    const kinds: string[] = []
    const bytes = Buffer.from(longs(5).toString().replace('[4]', '{"OneApiErrors":[{"error":{"code":"E"}}]}'))
    const reading = (async () => {
      for await (const event of readResponse([bytes], { batchRows: 2 })) kinds.push(event.kind)
    })()
    await expect(reading).rejects.toBeInstanceOf(KustoServiceError)
    expect(kinds).toEqual(['table', 'batch', 'batch'])
  })
})

describe('long rows and values', () => {
  it('larger than any buffer are read in time linear in their length', async () => {
    const text = 'é'.repeat(4_000_000)
    const bytes = body([['s', 'string']], [`["${text}"]`, '["after"]'])
    const started = performance.now()
    const { tables } = await collectResponse(chunksOf(bytes, 256))
    // 31,000 chunks: reading the row anew for each of them would look at 120 billion bytes.
    expect(performance.now() - started).toBeLessThan(20_000)
    expect(tables[0]!.rows).toEqual([[text], ['after']])
  })

  it('nested deeper than the stack are an error and no crash', async () => {
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
    const bytes = body([['x', 'dynamic']], [`[${deep}]`])
    await expect(collectResponse(chunksOf(bytes, 65_536))).rejects.toMatchObject({ code: 'KUSTO_MALFORMED_RESPONSE' })
  })
})

describe('what the caller sees', () => {
  it('several errors are one error with all of them in its cause', async () => {
    const errors = '"OneApiErrors":[{"error":{"code":"A","message":"first"}},{"error":{"code":"B","message":"second"}}]'
    const bytes = Buffer.from(`${HEAD},{"FrameType":"DataSetCompletion","HasErrors":true,${errors}}]`)
    const error: unknown = await collectResponse([bytes]).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'A', message: 'first', status: 200 })
    const cause = (error as Error).cause as AggregateError
    expect(cause.errors.map(({ code }: KustoServiceError) => code)).toEqual(['A', 'B'])
  })

  it('progress is told while a result grows', async () => {
    const bytes = Buffer.from(`${HEAD},{"FrameType":"TableProgress","TableId":1,"TableProgress":55.5},${DONE}`)
    expect(await eventsOf([bytes])).toContainEqual({ kind: 'progress', id: 1, percent: 55.5 })
  })

  it('an aborted reading throws the reason and asks for no more bytes', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    let isClosed = false
    async function* chunks(): AsyncGenerator<Uint8Array> {
      try {
        for (const chunk of chunksOf(longs(1000), 100)) yield chunk
      } finally {
        isClosed = true
      }
    }
    const reading = (async () => {
      for await (const event of readResponse(chunks(), { batchRows: 10, signal: stop.signal })) {
        if (event.kind === 'batch') stop.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    expect(isClosed).toBe(true)
  })

  it('bad options are refused before any byte is read', () => {
    expect(() => responseSettings({ batchRows: 0 })).toThrow(KustoUsageError)
    expect(() => responseSettings({ batchRows: 1.5 })).toThrow(KustoUsageError)
    expect(() => responseSettings({ batchBytes: 2 ** 31 })).toThrow(KustoUsageError)
    expect(() => responseSettings(Object.fromEntries([['batchrows', 1]]))).toThrow(/batchRows/)
    expect(() => responseSettings(Object.fromEntries([['dynamicStrings', 'text']]))).toThrow(/unwrap or keep/)
  })

  it('only an answer that is too large is a limit error', () => {
    const error = (code: string, message = ''): KustoServiceError =>
      new KustoServiceError(code, message, { status: 200 })
    expect(isLimitError(error('LimitsExceeded', 'E_QUERY_RESULT_SET_TOO_LARGE'))).toBe(true)
    expect(isLimitError(error('General', 'exceeded (80DA0003)'))).toBe(true)
    expect(isLimitError(error('LimitsExceeded', 'E_RUNAWAY_QUERY, 0x80DA0001'))).toBe(false)
    expect(isLimitError(error('BadRequest_SyntaxError', 'no'))).toBe(false)
    expect(isLimitError(new Error('E_QUERY_RESULT_SET_TOO_LARGE'))).toBe(false)
  })
})

describe('the reader without waiting', () => {
  it('refuses bytes while it has some, and after its end', () => {
    const reader = new ResponseReader(responseSettings())
    reader.write(longs(3))
    expect(() => reader.write(longs(3))).toThrow(RangeError)
    const kinds: string[] = []
    for (let event = reader.next(); event !== undefined; event = reader.next()) kinds.push(event.kind)
    reader.close()
    expect(reader.next()).toEqual({ kind: 'end' })
    expect(reader.next()).toBeUndefined()
    expect(kinds).toEqual(['table', 'batch', 'table-end'])
    expect(() => reader.write(longs(1))).toThrow(RangeError)
  })

  it('throws the same failure each time it is asked', () => {
    const reader = new ResponseReader(responseSettings())
    reader.write(Buffer.from('oops'))
    const failures = [0, 1].map(() => {
      try {
        return reader.next()
      } catch (error) {
        return error
      }
    })
    expect(failures[0]).toBeInstanceOf(Error)
    expect(failures[1]).toBe(failures[0])
  })
})

describe('a table in pieces', () => {
  const header =
    '{"FrameType":"TableHeader","TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult","Columns":[{"ColumnName":"n","ColumnType":"long"}]}'
  const piece = (type: string): string =>
    `{"FrameType":"${type}","TableFragmentType":"DataAppend","TableId":1,"Rows":[[7]]}`
  const response = (type: string, completion: string): Promise<unknown> =>
    collectResponse([Buffer.from(`${HEAD},${header},${piece('TableFragment')},${piece(type)},${completion},${DONE}`)])

  it('of which one is not known for what it is ends in an error, also when its rows were not counted', async () => {
    const counted = '{"FrameType":"TableCompletion","TableId":1,"RowCount":2}'
    await response('TableFragment', counted)
    await expect(response('[ableFragment', counted)).rejects.toMatchObject({ code: 'KUSTO_INCOMPLETE_RESPONSE' })
    await expect(
      response('[ableFragment', '{"FrameType":"TableCompletion","TableId":1,"RowCRowCount":2}'),
    ).rejects.toMatchObject({ code: 'KUSTO_MALFORMED_RESPONSE' })
  })
})

describe('a dynamic value', () => {
  it('is nested 512 levels deep at most, and one that goes deeper is told so', async () => {
    const nested = (levels: number): string =>
      `${'{"[": ['.repeat(levels / 2)}${levels % 2 === 0 ? '' : '[]'}${']}'.repeat(levels / 2)}`
    const read = (text: string): Promise<unknown> => eventsOf(chunksOf(body([['d', 'dynamic']], [`[${text}]`]), 1000))
    await expect(read(nested(512))).resolves.toBeDefined()
    await expect(read(nested(513))).rejects.toMatchObject({
      code: 'KUSTO_MALFORMED_RESPONSE',
      message: expect.stringMatching(
        /^expected values nested at most 512 levels deep in row 0, found "\[" at byte \d+ /,
      ),
    })
    // A bracket in the wrong place is no depth.
    await expect(read('[1 [2]]')).rejects.toThrow('expected a JSON value in row 0, found "["')
  })
})
