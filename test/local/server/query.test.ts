import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLocalKusto, type LocalKusto } from '../../../src/local/index.ts'
import { errorOf, framesOf, post, primaryRows, rest } from './rest-client.ts'

let local: LocalKusto

beforeAll(async () => {
  local = await startLocalKusto({ storage: false })
})

afterAll(async () => {
  await local.close()
})

/** Ten billion pairs: nothing finishes this in the time of a test. */
const ENDLESS =
  'range a from 1 to 100000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 100000 step 1 | extend k = 1) on k | summarize s = sum(a * b)'

const kinds = (frames: readonly { readonly FrameType: string }[]): string[] => frames.map(({ FrameType }) => FrameType)

describe('a v2 answer', () => {
  test('has header, properties, result, completion information and completion in this order', async () => {
    const answer = await post(local.cluster, 'print a = 1, b = "x"')
    expect(answer.status).toBe(200)
    const frames = framesOf(answer)
    expect(kinds(frames)).toEqual(['DataSetHeader', 'DataTable', 'DataTable', 'DataTable', 'DataSetCompletion'])
    expect(frames.map(({ TableKind }) => TableKind)).toEqual([
      undefined,
      'QueryProperties',
      'PrimaryResult',
      'QueryCompletionInformation',
      undefined,
    ])
    expect(frames[2]).toEqual({
      FrameType: 'DataTable',
      TableId: 1,
      TableKind: 'PrimaryResult',
      TableName: 'PrimaryResult',
      Columns: [
        { ColumnName: 'a', ColumnType: 'long' },
        { ColumnName: 'b', ColumnType: 'string' },
      ],
      Rows: [[1, 'x']],
    })
    expect(frames[4]).toEqual({ FrameType: 'DataSetCompletion', HasErrors: false, Cancelled: false })
  })

  test('keeps the key orders that clients rely on', async () => {
    const { text } = await post(local.cluster, 'print a = 1', {
      options: { results_v2_fragment_primary_tables: true, results_error_reporting_placement: 'end_of_table' },
    })
    expect(
      text.startsWith(
        '[{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0","IsFragmented":true,"ErrorReportingPlacement":"EndOfTable"},',
      ),
    ).toBe(true)
    expect(text).toContain(
      '{"FrameType":"TableHeader","TableId":1,"TableKind":"PrimaryResult","TableName":"PrimaryResult","Columns":[{"ColumnName":"a","ColumnType":"long"}]}',
    )
    expect(text).toContain('{"FrameType":"TableFragment","TableFragmentType":"DataAppend","TableId":1,"Rows":[[1]]}')
    expect(text).toContain('{"FrameType":"TableCompletion","TableId":1,"RowCount":1}')
  })

  test('puts one frame on each line when asked', async () => {
    const { text } = await post(local.cluster, 'datatable(d: dynamic) [dynamic({"a":\n[1]})]', {
      options: { results_v2_newlines_between_frames: true, results_v2_fragment_primary_tables: true },
    })
    const lines = text.trimEnd().split('\n')
    expect(lines.at(-1)).toBe(']')
    for (const [index, line] of lines.slice(0, -1).entries()) {
      expect(line[0]).toBe(index === 0 ? '[' : ',')
      expect(JSON.parse(line.slice(1))).toHaveProperty('FrameType')
    }
  })

  test('has a schema and no rows for an empty result', async () => {
    for (const options of [{}, { results_v2_fragment_primary_tables: true }]) {
      const frames = framesOf(await post(local.cluster, 'print a = 1 | where a > 1', { options }))
      expect(primaryRows(frames)).toEqual([])
      expect(frames.find(({ TableKind }) => TableKind === 'PrimaryResult')?.Columns).toHaveLength(1)
    }
  })

  test('delivers the same rows plain, in fragments and progressively', async () => {
    const query = 'range i from 1 to 10000 step 1 | extend s = strcat("row ", tostring(i)) | order by i asc'
    const plain = primaryRows(framesOf(await post(local.cluster, query)))
    expect(plain).toHaveLength(10_000)
    const fragmented = framesOf(
      await post(local.cluster, query, { options: { results_v2_fragment_primary_tables: true } }),
    )
    expect(primaryRows(fragmented)).toEqual(plain)
    const progressive = framesOf(await post(local.cluster, query, { options: { results_progressive_enabled: true } }))
    expect(progressive[0]).toMatchObject({ IsProgressive: true })
    expect(primaryRows(progressive)).toEqual(plain)
    const fragments = progressive.filter(({ FrameType }) => FrameType === 'TableFragment')
    expect(fragments.length).toBeGreaterThan(1)
    expect(fragments.map(({ TableFragmentType }) => TableFragmentType)).toEqual([
      'DataReplace',
      ...fragments.slice(1).map(() => 'DataAppend'),
    ])
    const progress = progressive.flatMap(({ TableProgress }) =>
      typeof TableProgress === 'number' ? [TableProgress] : [],
    )
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progressive.find(({ FrameType }) => FrameType === 'TableCompletion')).toMatchObject({ RowCount: 10_000 })
  })

  test('carries the visualization of render', async () => {
    const frames = framesOf(await post(local.cluster, 'print a = 1, b = 2 | render piechart with (title="Pie")'))
    const [[table, key, value] = []] = (frames[1]?.Rows ?? []) as unknown[][]
    expect([table, key]).toEqual([1, 'Visualization'])
    expect(JSON.parse(String(value))).toMatchObject({ Visualization: 'piechart', Title: 'Pie', XColumn: null })
  })

  test('gives every statement its own table', async () => {
    const frames = framesOf(await post(local.cluster, 'print a = 1; print b = "x"'))
    const tables = frames.filter(({ TableKind }) => TableKind === 'PrimaryResult')
    expect(tables.map(({ Rows }) => Rows)).toEqual([[[1]], [['x']]])
    expect(new Set(frames.flatMap(({ TableId }) => TableId ?? [])).size).toBe(4)
  })

  test('writes values beyond doubles digit by digit', async () => {
    const { text } = await post(
      local.cluster,
      'print l = 9007199254740993, d = decimal(1.5), t = datetime(2024-02-29T01:02:03.0000001Z), s = -1d, g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), n = real(nan), b = true',
    )
    expect(text).toContain(
      '[[9007199254740993,"1.5","2024-02-29T01:02:03.0000001Z","-1.00:00:00","74be27de-1e4e-49d9-b579-fe0b331d3642","NaN",true]]',
    )
  })
})

describe('a v1 answer', () => {
  test('has result, properties, status and a table of contents', async () => {
    const answer = await post(local.cluster, 'print b = true, d = dynamic({"a":1})', { path: '/v1/rest/query' })
    const { Tables } = JSON.parse(answer.text) as {
      Tables: { TableName: string; Columns: unknown[]; Rows: unknown[][] }[]
    }
    expect(Tables.map(({ TableName }) => TableName)).toEqual(['Table_0', 'Table_1', 'Table_2', 'Table_3'])
    expect(Tables[0]).toEqual({
      TableName: 'Table_0',
      Columns: [
        { ColumnName: 'b', DataType: 'SByte', ColumnType: 'bool' },
        { ColumnName: 'd', DataType: 'Object', ColumnType: 'dynamic' },
      ],
      Rows: [[1, '{"a":1}']],
    })
    expect(Tables[3]?.Rows.map((row) => row.slice(0, 3))).toEqual([
      [0, 'QueryResult', 'PrimaryResult'],
      [1, 'QueryProperties', '@ExtendedProperties'],
      [2, 'QueryStatus', 'QueryStatus'],
    ])
  })
})

describe('a request', () => {
  test('may carry its properties as an object, as JSON text, as null, or not at all', async () => {
    const properties = { Parameters: { n: 'long(5)' } }
    const csl = 'declare query_parameters(n: long = 7); print n'
    for (const [sent, expected] of [
      [properties, 5],
      [JSON.stringify(properties), 5],
      [null, 7],
      [undefined, 7],
    ] as const) {
      const answer = await rest(`${local.cluster}/v2/rest/query`, {
        body: JSON.stringify({ db: 'db1', csl, properties: sent }),
      })
      expect(primaryRows(framesOf(answer))).toEqual([[expected]])
    }
  })

  test('may carry a long parameter as a JSON number of any size', async () => {
    for (const properties of [
      '{"Parameters":{"n":9007199254740993}}',
      '"{\\"Parameters\\":{\\"n\\":9007199254740993}}"',
    ]) {
      const { text } = await rest(`${local.cluster}/v2/rest/query`, {
        body: `{"db":"db1","csl":"declare query_parameters(n: long); print n","properties":${properties}}`,
      })
      expect(text).toContain('[[9007199254740993]]')
    }
  })

  test('may be a GET', async () => {
    const search = new URLSearchParams({ db: 'db1', csl: 'print 6 * 7' })
    const answer = await rest(`${local.cluster}/v2/rest/query?${search.toString()}`)
    expect(primaryRows(framesOf(answer))).toEqual([[42]])
  })

  test('may be compressed with gzip or with either form of deflate', async () => {
    const body = Buffer.from(JSON.stringify({ db: 'db1', csl: 'print 1' }))
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(body)],
      ['deflate', deflateSync(body)],
      ['deflate', deflateRawSync(body)],
    ] as const) {
      const answer = await rest(`${local.cluster}/v2/rest/query`, {
        body: bytes,
        headers: { 'Content-Encoding': encoding },
      })
      expect(answer.status, encoding).toBe(200)
    }
  })

  test('is answered compressed when it accepts gzip', async () => {
    const query = 'range i from 1 to 50000 step 1'
    const plain = await post(local.cluster, query)
    const zipped = await post(local.cluster, query, { headers: { 'Accept-Encoding': 'gzip, deflate' } })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(primaryRows(framesOf(zipped))).toEqual(primaryRows(framesOf(plain)))
    expect(zipped.bytes.length).toBeLessThan(plain.bytes.length / 2)
  })

  test('tolerates double slashes and names NetDefaultDB in any case', async () => {
    const answer = await post(`${local.cluster}/`, 'print 1', { path: '//v2/rest/query', database: 'netdefaultDB' })
    expect(answer.status).toBe(200)
  })

  test('gets its client request id back, and an activity id of its own', async () => {
    const headers = { 'x-ms-client-request-id': 'test;1' }
    const first = await post(local.cluster, 'print 1', { headers })
    const second = await post(local.cluster, 'print', { headers })
    expect(first.headers['x-ms-client-request-id']).toBe('test;1')
    expect(errorOf(second)['@context']).toMatchObject({ clientRequestId: 'test;1' })
    expect(first.headers['x-ms-activity-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(first.headers['x-ms-activity-id']).not.toBe(second.headers['x-ms-activity-id'])
  })

  test('may carry options that nobody knows', async () => {
    const answer = await post(local.cluster, 'print 1', {
      options: { request_app_name: 'x', queryconsistency: 'weakconsistency', some_future_option: { a: 1 } },
    })
    expect(answer.status).toBe(200)
  })
})

describe('an error', () => {
  test('of syntax is a permanent 400 with inner code SYN0002', async () => {
    const answer = await post(local.cluster, 'print 1 | wher x')
    expect(answer.status).toBe(400)
    const error = errorOf(answer)
    expect(error).toMatchObject({
      code: 'BadRequest_SyntaxError',
      '@type': 'Kusto.Data.Exceptions.SyntaxException',
      '@permanent': true,
      innererror: { code: 'SYN0002' },
    })
  })

  test.each([
    ['print a = 1 | where nosuch > 1', "'nosuch'"],
    ['NoSuchTable | count', "'NoSuchTable'"],
    ['print nosuchfunction(1)', 'nosuchfunction'],
  ])('of meaning names what is unknown: %s', async (query, name) => {
    const error = errorOf(await post(local.cluster, query))
    expect(error).toMatchObject({
      code: 'General_BadRequest',
      '@type': 'Kusto.Data.Exceptions.SemanticException',
      '@permanent': true,
      innererror: { code: 'SEM0100' },
    })
    expect(error['@message']).toContain(name)
  })

  test('says which database does not exist', async () => {
    const answer = await post(local.cluster, 'print 1', { database: 'nosuch' })
    expect(answer.status).toBe(400)
    expect(errorOf(answer)).toMatchObject({ code: 'BadRequest_DatabaseNotExist', '@permanent': true })
  })

  test.each([
    ['/v3/rest/query', 'POST', 404],
    ['/', 'GET', 404],
    ['/v1/rest/mgmt', 'GET', 405],
    ['/v1/rest/auth/metadata', 'POST', 405],
    ['/v2/rest/query', 'DELETE', 405],
  ])('at %s %s is %d in the shape of the service', async (path, method, status) => {
    const answer = await rest(`${local.cluster}${path}`, { method })
    expect(answer.status).toBe(status)
    expect(errorOf(answer)).toHaveProperty('@permanent', true)
    expect(answer.headers['x-ms-activity-id']).toBeDefined()
  })

  test.each([
    ['not json', 'print'],
    ['no text', '{"db":"db1"}'],
    ['properties of a wrong kind', '{"db":"db1","csl":"print 1","properties":[]}'],
  ])('of the message is a 400: %s', async (_what, body) => {
    const answer = await rest(`${local.cluster}/v2/rest/query`, { body })
    expect(answer.status).toBe(400)
    expect(errorOf(answer)).toHaveProperty('code', 'BadRequest')
  })

  test('refuses a query at the management endpoint and a command at the query endpoint', async () => {
    const query = await post(local.cluster, 'print 1', { path: '/v1/rest/mgmt' })
    const command = await post(local.cluster, '.show tables')
    for (const answer of [query, command]) {
      expect(answer.status).toBe(400)
      expect(errorOf(answer)).toHaveProperty('code', 'BadRequest_SyntaxError')
    }
  })

  test('refuses options that would change the answer and are not supported', async () => {
    for (const options of [{ query_language: 'sql' }, { validatepermissions: true }, { query_cursor_current: 'x' }]) {
      expect(errorOf(await post(local.cluster, 'print 1', { options }))).toHaveProperty(
        'code',
        'BadRequest_NotSupportedByEmulator',
      )
    }
  })

  test('refuses an option with a value of a wrong type', async () => {
    for (const options of [{ truncationmaxrecords: 'many' }, { servertimeout: 'soon' }, { notruncation: 'maybe' }]) {
      expect((await post(local.cluster, 'print 1', { options })).status).toBe(400)
    }
  })
})

describe('limits', () => {
  const rows = 'range i from 1 to 5000 step 1'
  const limited = { truncationmaxrecords: 100 }

  test('end a too large result with an error row after HTTP 200', async () => {
    const answer = await post(local.cluster, rows, { options: limited })
    expect(answer.status).toBe(200)
    const frames = framesOf(answer)
    const delivered = primaryRows(frames)
    expect(delivered).toHaveLength(101)
    const last = delivered.at(-1) as { OneApiErrors: { error: Record<string, unknown> }[] }
    expect(last.OneApiErrors[0]?.error).toMatchObject({ code: 'LimitsExceeded', '@permanent': false })
    expect(last.OneApiErrors[0]?.error['@message']).toMatch(/80DA0003.*100 records.*E_QUERY_RESULT_SET_TOO_LARGE/)
    expect(frames.at(-1)).toMatchObject({ HasErrors: true, OneApiErrors: last.OneApiErrors })
  })

  test('are reported where the request asks for it', async () => {
    const fragment = { ...limited, results_v2_fragment_primary_tables: true }
    const atTable = framesOf(
      await post(local.cluster, rows, { options: { ...fragment, results_error_reporting_placement: 'end_of_table' } }),
    )
    expect(primaryRows(atTable)).toHaveLength(100)
    expect(atTable.find(({ FrameType }) => FrameType === 'TableCompletion')).toHaveProperty('OneApiErrors')
    expect(atTable.at(-1)).toHaveProperty('OneApiErrors')
    const atEnd = framesOf(
      await post(local.cluster, rows, {
        options: { ...fragment, results_error_reporting_placement: 'end_of_dataset' },
      }),
    )
    expect(primaryRows(atEnd)).toHaveLength(100)
    expect(atEnd.find(({ FrameType }) => FrameType === 'TableCompletion')).not.toHaveProperty('OneApiErrors')
    expect(atEnd.at(-1)).toHaveProperty('OneApiErrors')
  })

  test('are reported in the completion information only, when deferred', async () => {
    const frames = framesOf(
      await post(local.cluster, rows, { options: { ...limited, deferpartialqueryfailures: true } }),
    )
    expect(frames.at(-1)).toEqual({ FrameType: 'DataSetCompletion', HasErrors: false, Cancelled: false })
    expect(primaryRows(frames)).toHaveLength(100)
    const information = frames.find(({ TableKind }) => TableKind === 'QueryCompletionInformation')
    const levels = ((information?.Rows ?? []) as unknown[][]).map((row) => [row[5], row[7]])
    expect(levels[0]).toEqual([2, -2_133_196_797])
  })

  test('are reported as Exceptions in v1', async () => {
    const answer = await post(local.cluster, rows, { options: limited, path: '/v1/rest/query' })
    const body = JSON.parse(answer.text) as { Tables: { Rows: unknown[] }[]; Exceptions: string[] }
    expect(body.Tables[0]?.Rows.at(-1)).toEqual({ Exceptions: body.Exceptions })
    expect(body.Exceptions[0]).toContain('E_QUERY_RESULT_SET_TOO_LARGE')
  })

  test('default to half a million rows, lifted by notruncation', async () => {
    const many = 'range i from 1 to 500001 step 1 | project a = 1'
    expect(primaryRows(framesOf(await post(local.cluster, many)))).toHaveLength(500_001)
    expect(framesOf(await post(local.cluster, many)).at(-1)).toHaveProperty('HasErrors', true)
    const all = framesOf(await post(local.cluster, many, { options: { notruncation: true } }))
    expect(all.at(-1)).toHaveProperty('HasErrors', false)
    expect(primaryRows(all)).toHaveLength(500_001)
  })

  test('count bytes too', async () => {
    const frames = framesOf(await post(local.cluster, rows, { options: { truncationmaxsize: 1000 } }))
    expect(JSON.stringify(frames.at(-1))).toContain('1000 bytes')
  })

  test('cut silently with query_take_max_records', async () => {
    const frames = framesOf(await post(local.cluster, rows, { options: { query_take_max_records: 7 } }))
    expect(primaryRows(frames)).toHaveLength(7)
    expect(frames.at(-1)).toHaveProperty('HasErrors', false)
  })

  test('given in the text win over those of the request', async () => {
    const frames = framesOf(
      await post(local.cluster, `set truncationmaxrecords=10; ${rows}`, { options: { truncationmaxrecords: 4000 } }),
    )
    expect(JSON.stringify(frames.at(-1))).toContain('10 records')
  })
})

describe('a running query', () => {
  test('ends with 504 at its server timeout', async () => {
    const started = performance.now()
    const answer = await post(local.cluster, ENDLESS, { options: { servertimeout: '00:00:00.3' } })
    expect(answer.status).toBe(504)
    expect(errorOf(answer)).toMatchObject({
      code: 'RequestExecutionTimeout',
      '@type': 'Kusto.Data.Exceptions.KustoServiceTimeoutException',
      '@permanent': false,
    })
    expect(performance.now() - started).toBeLessThan(3000)
  })

  test('is cancelled by its client request id', async () => {
    const running = post(local.cluster, ENDLESS, { headers: { 'x-ms-client-request-id': 'cancel;me' } })
    await new Promise((resolve) => setTimeout(resolve, 300))
    const cancel = await post(local.cluster, '.cancel query "cancel;me"', { path: '/v1/rest/mgmt' })
    expect(cancel.status).toBe(200)
    expect(errorOf(await running)).toHaveProperty('code', 'QueryCancelled')
  })

  test('stops when its client goes away, and the server lives on', async () => {
    const gone = new AbortController()
    const running = post(local.cluster, ENDLESS, { signal: gone.signal })
    setTimeout(() => gone.abort(), 200)
    await expect(running).rejects.toThrow()
    expect((await post(local.cluster, 'print 1')).status).toBe(200)
  })
})

test('answers with the schema instead of the data when asked', async () => {
  const frames = framesOf(
    await post(local.cluster, 'print a = 1, b = now()', { options: { query_results_apply_getschema: true } }),
  )
  expect(primaryRows(frames)).toEqual([
    ['a', 0, 'System.Int64', 'long'],
    ['b', 1, 'System.DateTime', 'datetime'],
  ])
})

test('takes now() from query_now, in the request or in the text', async () => {
  const inRequest = await post(local.cluster, 'print now()', { options: { query_now: '2001-02-03T04:05:06Z' } })
  expect(primaryRows(framesOf(inRequest))).toEqual([['2001-02-03T04:05:06.0000000Z']])
  const inText = await post(local.cluster, 'set query_now = datetime(2001-02-03); print now()')
  expect(primaryRows(framesOf(inText))).toEqual([['2001-02-03T00:00:00.0000000Z']])
})

test('describes the cloud it authenticates with', async () => {
  const answer = await rest(`${local.cluster}/v1/rest/auth/metadata`)
  expect(JSON.parse(answer.text)).toMatchObject({
    AzureAD: { KustoServiceResourceId: 'https://kusto.kusto.windows.net', LoginMfaRequired: false },
  })
})

test('refuses what would write in a read-only request', async () => {
  const path = '/v1/rest/mgmt'
  for (const given of [{ options: { request_readonly: true } }, { headers: { 'x-ms-readonly': 'true' } }]) {
    const refused = await post(local.cluster, '.create table ReadOnly (a: long)', { path, ...given })
    expect(refused.status).toBe(403)
    expect((await post(local.cluster, '.show tables', { path, ...given })).status).toBe(200)
  }
})

test('answers a command with one table and a piped command in the form of a query', async () => {
  const path = '/v1/rest/mgmt'
  const plain = JSON.parse((await post(local.cluster, '.show databases', { path })).text) as { Tables: unknown[] }
  expect(plain.Tables).toHaveLength(1)
  const piped = JSON.parse((await post(local.cluster, '.show databases | count', { path })).text) as {
    Tables: { Rows: unknown[] }[]
  }
  expect(piped.Tables).toHaveLength(4)
  expect(piped.Tables[0]?.Rows).toEqual([[1]])
})
