import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/command-table.ts'
import { loadSamples } from '../../src/cli/load-samples.ts'
import { KustoConnector } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { run } from './memory-io.ts'
import type { MemoryIoOptions, Ran } from './memory-io.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-cli-'))
const file = (name: string): string => path.join(folder, name)
const json = (text: string): unknown => JSON.parse(text)

let local: LocalKusto
let env: Record<string, string> = {}

/** Runs a command against the one embedded Kusto of this file, found through the environment. */
const kusto = (args: readonly string[], options: MemoryIoOptions = {}): Promise<Ran> => run(args, { env, ...options })

async function duck(sql: string): Promise<readonly (readonly unknown[])[]> {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

beforeAll(async () => {
  local = await startLocalKusto()
  env = { KUSTO_CLUSTER: local.cluster, KUSTO_DATABASE: local.database }
  await using connector = new KustoConnector({ cluster: local.cluster, database: local.database })
  await loadSamples(connector, new AbortController().signal)
})

afterAll(async () => {
  await local.close()
  rmSync(folder, { recursive: true })
})

describe('read', () => {
  it('shows a table with types, nulls and the number of rows', async () => {
    const { code, out, err } = await kusto([
      'read',
      'Samples | where Id in (10, 11) | project Id, City, Value | order by Id asc',
      '--output',
      'table',
    ])
    expect(out).toBe(
      '  Id  City        Value\nlong  string       real\n────  ─────────  ──────\n  10  القاهرة    63.088\n  11  Reykjavík    null\n2 rows\n',
    )
    expect([code, err]).toEqual([0, ''])
  })

  it('shows the first rows of many, and says that there are more', async () => {
    const { out } = await kusto(['read', 'Samples', '--rows', '3', '--columns', 'Id'], {
      isTTY: true,
      columns: 60,
      env: { ...env, NO_COLOR: '1' },
    })
    expect(out.split('\n').slice(3)).toEqual([
      '   1',
      '   2',
      '   3',
      '3 rows shown, there are more: --rows N shows them, --out FILE has all',
      '',
    ])
  })

  it('sends parameters as values, joins conditions, and picks columns', async () => {
    const evil = "x' or 1 == 1"
    const args = [
      'read',
      'Samples | where Level == wanted and Id <= most',
      '--param',
      'wanted=error',
      '--param',
      'most:long=20',
      '--where',
      'Id > 7',
      '--columns',
      'Id',
      '--limit',
      '5',
    ]
    expect((await kusto(args)).out).toBe('Id\n14\n')
    expect((await kusto(['read', 'print x = v', '--param', `v=${evil}`])).out).toBe(`x\n${evil}\n`)
  })

  it.each([
    ['bool', 'true', 'true'],
    ['datetime', '2026-01-01T00:00:00.1234567Z', '"2026-01-01T00:00:00.1234567Z"'],
    ['timespan', '1.02:03:04.5', '"1.02:03:04.5000000"'],
    ['real', '1.5', '1.5'],
    ['guid', '123e4567-e89b-12d3-a456-426614174000', '"123e4567-e89b-12d3-a456-426614174000"'],
    ['dynamic', '{"a":1}', '{"a":1}'],
  ])('takes a parameter of type %s', async (type, text, shown) => {
    const { out } = await kusto(['read', 'print x = v', '--param', `v:${type}=${text}`, '--output', 'json'])
    expect(out).toBe(`[\n  {"x":${shown}}\n]\n`)
  })

  it('takes the query from a file and from standard input', async () => {
    writeFileSync(file('q.kql'), '\uFEFF// a comment\nprint a = 1\n')
    expect((await kusto(['read', '--file', file('q.kql')])).out).toBe('a\n1\n')
    expect((await kusto(['read', '-'], { stdin: 'print a = 2' })).out).toBe('a\n2\n')
  })

  it('keeps every digit and every kind of null in text formats', async () => {
    const query = `print l = 9223372036854775807, d = decimal(12345678901234567890.123456789), t = datetime(2026-01-01T00:00:00.1234567Z), s = "", n = int(null), r = real(nan), j = dynamic({"a": [1.0, null]})`
    const { out } = await kusto(['read', query, '--output', 'ndjson'])
    expect(out).toBe(
      '{"l":9223372036854775807,"d":"12345678901234567890.123456789","t":"2026-01-01T00:00:00.1234567Z","s":"","n":null,"r":"NaN","j":{"a":[1.0,null]}}\n',
    )
    expect((await kusto(['read', query, '--output', 'csv', '--columns', 'l,d,t,s,n'])).out).toBe(
      'l,d,t,s,n\n9223372036854775807,12345678901234567890.123456789,2026-01-01T00:00:00.1234567Z,"",\n',
    )
  })

  it.each([['parquet'], ['csv'], ['ndjson'], ['json'], ['csv.gz']])(
    'writes a .%s file that DuckDB reads with equal values',
    async (extension) => {
      const name = file(`samples.${extension}`)
      const { code, err } = await kusto(['read', 'Samples | project Id, Time, City, Value, Price, Ok', '--out', name])
      expect([code, err]).toEqual([0, expect.stringMatching(/^1,000 rows to .*samples.* kB, /m)])
      const reader = extension === 'parquet' ? 'read_parquet' : extension.startsWith('csv') ? 'read_csv' : 'read_json'
      const [row] = await duck(
        `SELECT count(*)::INT, sum(Id)::INT, round(sum(Value), 3), count(Value)::INT, sum(Price::DECIMAL(18, 2))::VARCHAR, count(DISTINCT City)::INT, sum(Ok::INT)::INT, epoch_us(max(Time)::TIMESTAMPTZ)::VARCHAR, min(City) FROM ${reader}('${name}')`,
      )
      const model = Array.from({ length: 1000 }, (_, index) => index + 1)
      const values = model
        .filter((id) => id % 11 !== 0)
        .map((id) => Math.round((50 + 40 * Math.sin(id / 30)) * 1000) / 1000)
      const total = Math.round(values.reduce((sum, value) => sum + value, 0) * 1000) / 1000
      expect(row).toEqual([
        1000,
        500_500,
        total,
        values.length,
        '5005.00',
        6,
        model.filter((id) => id % 7 !== 0).length,
        String(Date.UTC(2026, 0, 1, 0, 1000) * 1000),
        'Reykjavík',
      ])
    },
  )

  it('writes Arrow files and streams with the Kusto types in their metadata', async () => {
    for (const [name, args] of [
      ['a.arrow', []],
      ['a.arrows', []],
    ] as const) {
      await kusto(['read', 'Samples', '--out', file(name), ...args])
      const table = tableFromIPC(readFileSync(file(name)))
      expect(table.numRows).toBe(1000)
      expect(table.schema.fields.map((field) => field.metadata.get('kusto:type'))).toEqual([
        'long',
        'datetime',
        'string',
        'string',
        'real',
        'decimal',
        'bool',
        'timespan',
        'guid',
        'dynamic',
      ])
    }
    const { outBytes } = await kusto(['read', 'Samples', '--output', 'arrows'])
    expect([...RecordBatchReader.from(outBytes)].reduce((sum, batch) => sum + batch.numRows, 0)).toBe(1000)
  })

  it('writes whole files of no rows', async () => {
    for (const name of ['none.parquet', 'none.arrow', 'none.csv', 'none.json', 'none.ndjson']) {
      expect((await kusto(['read', 'Samples | where Id < 0 | project Id, City', '--out', file(name)])).code).toBe(0)
    }
    expect(tableFromIPC(readFileSync(file('none.arrow'))).schema.names).toEqual(['Id', 'City'])
    expect([
      readFileSync(file('none.csv'), 'utf8'),
      readFileSync(file('none.json'), 'utf8'),
      readFileSync(file('none.ndjson'), 'utf8'),
    ]).toEqual(['Id,City\n', '[]\n', ''])
    expect(await duck(`SELECT column_name FROM (DESCRIBE SELECT * FROM '${file('none.parquet')}')`)).toEqual([
      ['Id'],
      ['City'],
    ])
  })

  it('compresses a file whose name ends with .gz', async () => {
    await kusto(['read', 'print a = 1', '--out', file('one.ndjson.gz')])
    expect(gunzipSync(readFileSync(file('one.ndjson.gz'))).toString()).toBe('{"a":1}\n')
  })

  it('reads by export when told to, with the same rows', async () => {
    const single = await kusto(['read', 'Samples | order by Id asc'])
    const { out, err } = await kusto([
      'read',
      'Samples',
      '--mode',
      'distributed',
      '--partitions',
      '2',
      '--partition-by',
      'Id',
      '--workers',
      '1',
      '--out',
      file('d.ndjson'),
    ])
    expect([out, err]).toEqual(['', expect.stringContaining('by export in')])
    const rows = readFileSync(file('d.ndjson'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (json(line) as { readonly Id: number }).Id)
    expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
    expect(single.out.split('\n')).toHaveLength(1002)
  })

  it('explains without running', async () => {
    expect((await kusto(['read', 'Samples', '--explain', '--mode', 'single'])).out).toMatch(
      /^mode\n {2}single[\s\S]*query\n[\s\S]*schema\n {2}Id: long, Int64/,
    )
    expect(json((await kusto(['read', 'Samples', '--explain', '--json'])).out)).toMatchObject({ begins: 'single' })
  })

  it('leaves no file behind when the read fails, and keeps the one that was there', async () => {
    writeFileSync(file('kept.csv'), 'before')
    const { code } = await kusto([
      'read',
      'Samples | extend x = todynamic("{}").a.b | where toint(Id) / 0 == nosuch',
      '--out',
      file('kept.csv'),
    ])
    expect(code).toBe(4)
    expect(readFileSync(file('kept.csv'), 'utf8')).toBe('before')
    expect(() => readFileSync(file('kept.csv.partial'))).toThrow('ENOENT')
  })

  it('tells its events as lines of JSON with --ndjson, and rows on standard output', async () => {
    const { out, err } = await kusto(['read', 'Samples', '--limit', '2', '--columns', 'Id', '--ndjson'])
    expect(out).toBe('{"Id":1}\n{"Id":2}\n')
    const events = err
      .trim()
      .split('\n')
      .map((line) => (json(line) as { readonly kind: string }).kind)
    expect(events).toEqual(expect.arrayContaining(['mode', 'batch']))
  })
})

describe('query', () => {
  it('gives rows, and the chart that render asks for', async () => {
    const text = "Samples | summarize n = count() by Level | order by n desc | render barchart with (title='By level')"
    expect((await kusto(['query', text])).out).toBe('Level,n\ninfo,572\nwarning,286\nerror,142\n')
    const { out } = await kusto(['query', text, '--render'])
    expect(out.split('\n').map((line) => line.replaceAll(/[█▏▎▍▌▋▊▉]+/g, '#'))).toEqual([
      'By level',
      'info     572  #',
      'warning  286  #',
      'error    142  #',
      '',
    ])
  })

  it('plots values over time', async () => {
    const { out } = await kusto([
      'query',
      'Samples | summarize avg(Value) by bin(Time, 1h) | render timechart',
      '--render',
    ])
    expect(out).toMatch(/●/)
    expect(out).toMatch(/2026-01-01 +2026-01-01 16:00\n$/)
  })

  it.each([
    ['svg', /^<svg[\s\S]*<\/svg>\n$/],
    ['html', /^<!doctype html>[\s\S]*<svg[\s\S]*&lt;svg&gt;[\s\S]*<\/html>\n$/],
  ])('draws a picture as %s', async (extension, shape) => {
    const name = file(`chart.${extension}`)
    const { code } = await kusto([
      'query',
      "Samples | where Level != '<svg>' | summarize count() by Level | render piechart",
      '--render',
      name,
    ])
    expect(code).toBe(0)
    expect(readFileSync(name, 'utf8')).toMatch(shape)
  })

  it.each([
    [['query', 'print 1', '--render'], 'does not end with render'],
    [['query', 'print 1 | render ladderchart', '--render'], 'found ladderchart'],
    [['query', 'print 1 | render barchart', '--render', 'x.gif'], '.svg or .html'],
    [['query', "print a = 'x' | render barchart", '--render'], 'needs a column of numbers'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await kusto(args)
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
  })
})

describe('write and receipt', () => {
  it('tells what it would do and does nothing', async () => {
    writeFileSync(file('in.csv'), 'Id,When,Note\n1,2026-01-01,a\n2,2026-01-02,\n')
    const { code, out } = await kusto(['write', 'Dry', file('in.csv'), '--create', '--dry-run'])
    expect(code).toBe(0)
    expect(out).toContain("commands\n  .create-merge table ['Dry'] (['Id']:long, ['When']:datetime, ['Note']:string)")
    expect((await kusto(['schema', 'Dry'])).code).toBe(4)
    expect((await kusto(['write', 'Dry', file('in.csv'), '--dry-run', '--json'])).code).toBe(4)
  })

  it('writes what it read in every format, and the rows are the same', async () => {
    const query = 'Samples | project Id, Time, Level, City, Value, Price, Ok, Tags | order by Id asc'
    const expected = (await kusto(['read', query, '--output', 'ndjson'])).out
    for (const extension of ['parquet', 'csv', 'arrow', 'arrows', 'json', 'ndjson', 'csv.gz']) {
      const name = file(`back.${extension}`)
      await kusto(['read', query, '--out', name])
      const table = `Back_${extension.replace('.', '_')}`
      const types =
        'Id:long, Time:datetime, Level:string, City:string, Value:real, Price:decimal, Ok:bool, Tags:dynamic'
      const { code, out, err } = await kusto([
        'write',
        table,
        name,
        '--create',
        '--flush',
        ...(/csv|json/.test(extension) ? ['--types', types] : []),
      ])
      expect([code, out], `${extension}: ${err}`).toEqual([
        0,
        expect.stringContaining(`1,000 rows from ${name} are in table ${table}, which was created`),
      ])
      expect((await kusto(['read', `${table} | order by Id asc`, '--output', 'ndjson'])).out, extension).toBe(expected)
    }
  })

  it('takes rows from standard input, and types from the table that is there', async () => {
    await kusto(['command', '.create table Typed (Id: int, When: datetime, Took: timespan, D: decimal)'])
    const rows = '{"Id":1,"When":"2026-01-01T00:00:00.1234567Z","Took":"01:02:03","D":"1.50"}\n{"Id":2}\n'
    expect((await kusto(['write', 'Typed', '-', '--input-format', 'ndjson', '--flush'], { stdin: rows })).code).toBe(0)
    expect((await kusto(['read', 'Typed | order by Id asc'])).out).toBe(
      'Id,When,Took,D\n1,2026-01-01T00:00:00.1234567Z,01:02:03,1.5\n2,,,\n',
    )
  })

  it('saves a receipt that is checked again, also where nothing names the cluster', async () => {
    const receipt = file('r.json')
    expect(
      (await kusto(['write', 'Late', file('in.csv'), '--create', '--no-wait', '--receipt', receipt])).out,
    ).toContain('are queued for table Late')
    const { code, out } = await kusto(['receipt', receipt, '--wait'], { env: {} })
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/Succeeded\n2 rows for table Late in 1 blob: 1 Succeeded\n$/),
    ])
    expect(json(readFileSync(receipt, 'utf8'))).toMatchObject({ outcome: { rows: 2 } })
    expect(json((await kusto(['receipt', receipt, '--json'])).out)).toMatchObject({ blobs: [{ state: 'Succeeded' }] })
    expect((await kusto(['receipt', '-'], { stdin: '{"kind":1}' })).code).toBe(2)
  })

  it('writes in the other modes', async () => {
    for (const mode of ['transactional', 'replace']) {
      const { code, err } = await kusto(['write', 'Late', file('in.csv'), '--mode', mode, '--drop-by', 'cli'])
      expect([code, err], mode).toEqual([0, expect.any(String)])
    }
    expect((await kusto(['read', 'Late | count'])).out).toBe('Count\n2\n')
    const streamed = await kusto(['write', 'Late', file('in.csv'), '--mode', 'streaming', '--json'])
    expect([streamed.code, streamed.err]).toEqual([0, expect.any(String)])
  })

  it.each([
    [['write', 'Late', 'in.xyz'], 4, 'no such file'],
    [['write', 'Late'], 2, 'write needs one or more files'],
    [['write', 'Nope', 'in.csv'], 4, 'next: add --create'],
    [['write', 'Samples', 'in.csv'], 4, 'KUSTO_SCHEMA_MISMATCH'],
    [['write', 'Late', 'in.csv', '--creation-time', 'soon'], 2, '--creation-time'],
    [['write', 'Late', 'in.csv', '--storage', 'sas'], 2, '--storage-url'],
  ])('ends %j with %d', async (args, code, message) => {
    const named = args.map((word) => (word === 'in.csv' || word === 'in.xyz' ? file(word) : word))
    expect(await kusto(named)).toMatchObject({ code, err: expect.stringContaining(message) as string })
  })
})

describe('plan, run-partition, release', () => {
  it('gives every row once over the partitions, without cluster and database', async () => {
    const plan = file('plan.json')
    expect((await kusto(['plan', 'Samples', '--partitions', '2', '--out', plan, '--quiet'])).err).toBe('')
    const ids: number[] = []
    for (const index of ['0', '1']) {
      const { code, out } = await kusto(
        ['run-partition', '--plan', plan, '--index', index, '--output', 'ndjson', '--quiet'],
        { env: {} },
      )
      expect(code).toBe(0)
      ids.push(
        ...out
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => (json(line) as { readonly Id: number }).Id),
      )
    }
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
    expect((await kusto(['run-partition', '--plan', plan, '--index', '7'])).code).toBe(2)
    expect((await kusto(['run-partition', '--plan', plan])).err).toContain('needs --index')
    expect(json((await kusto(['release', '--plan', plan, '--json'])).out)).toMatchObject({ failed: 0 })
    expect([4, 6]).toContain((await kusto(['run-partition', '--plan', plan, '--index', '0', '--output', 'csv'])).code)
  })

  it.runIf(existsSync('/dev/full'))('deletes what it exported when the plan cannot be written', async () => {
    symlinkSync('/dev/full', file('full.json'))
    const { code, err } = await kusto(['plan', 'Samples', '--out', file('full.json'), '--ndjson'])
    const events = err
      .trim()
      .split('\n')
      .map((line) => json(line) as { readonly kind: string; readonly removed?: number; readonly failed?: number })
    expect(code).toBe(1)
    expect(events.at(-1)).toMatchObject({ kind: 'error', message: expect.stringContaining('ENOSPC') as string })
    const removed = events.find(({ kind }) => kind === 'blobs-removed')
    expect(removed).toMatchObject({ failed: 0 })
    expect(removed?.removed).toBeGreaterThan(0)
  })
})

describe('command, tables, schema, clean, doctor', () => {
  it('shows the answer of a command and refuses a query', async () => {
    expect((await kusto(['command', '.show database', '--output', 'json'])).out).toContain(local.database)
    expect(await kusto(['command', 'Samples'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('begins with a dot') as string,
    })
  })

  it('lists tables', async () => {
    const tables = json((await kusto(['tables', '--json'])).out) as readonly {
      readonly Table: string
      readonly Rows: number
    }[]
    expect(tables.find(({ Table }) => Table === 'Samples')?.Rows).toBe(1000)
  })

  it('shows columns, and the command that makes them', async () => {
    expect((await kusto(['schema', 'Samples | project Id, Tags'])).out).toBe(
      'Column  Kusto    Arrow\n──────  ───────  ─────\nId      long     Int64\nTags    dynamic  Utf8\n2 columns\n',
    )
    const { out } = await kusto(['schema', 'Samples | project Id, Tags', '--ddl', '--name', 'a b'])
    expect(out).toBe(".create-merge table ['a b'] (['Id']:long, ['Tags']:dynamic)\n")
    expect((await kusto(['command', out.trim()])).code).toBe(0)
  })

  it('finds staging tables, and drops them only when told to', async () => {
    const stale = await kusto(['clean', '--older-than', '1ms', '--json'])
    expect(json(stale.out)).toMatchObject({ dryRun: true, failures: [] })
    expect((await kusto(['clean', '--yes'])).out).toContain('no staging tables of that age')
  })

  it('says that all is well, check by check', async () => {
    const { code, out } = await kusto(['doctor', '--json'])
    const { ok, checks } = json(out) as {
      readonly ok: boolean
      readonly checks: readonly { readonly check: string; readonly verdict: string }[]
    }
    expect([code, ok]).toEqual([0, true])
    expect(checks.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
      'node ok',
      'packages ok',
      'settings ok',
      'address ok',
      'identity and query ok',
      'database ok',
      'permissions ok',
      'clock ok',
      'ingestion endpoint ok',
      'export storage ok',
    ])
  })

  it('says what is wrong with a cluster that is not there, and what to do', async () => {
    const { code, out } = await kusto(['doctor', '--cluster', 'http://127.0.0.1:1', '--timeout', '20s'])
    expect(code).toBe(5)
    expect(out).toMatch(/failed {2}identity and query {2}[\s\S]*next: check address, network and proxy/)
    expect(out).toMatch(/skipped database/)
    expect((await kusto(['doctor'], { env: {} })).out).toMatch(/failed {2}settings[\s\S]*next: give --cluster URL/)
  })
})

describe('exit codes and errors', () => {
  it.each([
    [['read', 'Samples | where', '--quiet'], 1, 'SYN0002'],
    [['read', 'Nope'], 4, 'SEM0100'],
    [['read', 'Samples', '--moed', 'x'], 2, 'did you mean --mode?'],
    [['raed', 'Samples'], 2, 'did you mean read?'],
    [['--json', 'read', 'Samples'], 2, 'options such as --json go behind the command'],
    [['bench', 'exprot'], 2, 'did you mean bench export?'],
    [['bench'], 2, 'bench needs one of export, write, compare'],
    [['read'], 2, 'needs a query'],
    [['read', 'a', 'b'], 2, 'a word too many: b'],
    [['read', 'Samples', '--out', 'x.doc'], 2, '.parquet'],
    [['read', 'Samples', '--data-dir', 'x'], 2, '--data-dir goes with --local'],
    [['read', 'Samples', '--local', '--cluster', 'https://x'], 2, '--cluster does not go with --local'],
    [['read', 'Samples', '--token-env', 'NO_SUCH'], 2, 'NO_SUCH to be set'],
    [
      ['read', 'Samples', '--cluster', 'https://example.com', '--token-env', 'KUSTO_DATABASE'],
      3,
      'KUSTO_UNTRUSTED_HOST',
    ],
    [['read', 'Samples', '--property', 'servertimeout'], 2, 'NAME=VALUE'],
    [['completions', 'tcsh'], 2, 'bash, zsh, fish'],
  ])('ends %j with %d', async (args, code, message) => {
    expect(await kusto(args)).toMatchObject({ code, out: '', err: expect.stringContaining(message) as string })
  })

  it('gives 7 when a deadline passes', async () => {
    local.faults.add({ match: { path: '/v2/rest/query' }, action: { delayMs: 30_000 } })
    try {
      expect((await kusto(['read', 'Samples', '--timeout', '500ms'])).code).toBe(7)
    } finally {
      local.faults.clear()
    }
  })

  it('tells an error as JSON, with code, ids and the next step', async () => {
    const { err } = await kusto(['read', 'Nope', '--json'])
    expect(json(err)).toMatchObject({
      error: {
        exitCode: 4,
        class: 'KustoServiceError',
        innerCode: 'SEM0100',
        clientRequestId: expect.any(String) as string,
      },
    })
    expect(json((await kusto(['read', 'x', '--ndjson'], { env: {} })).err)).toMatchObject({
      kind: 'error',
      next: expect.stringContaining('--local') as string,
    })
  })
})

describe('examples', () => {
  /** Those that run as printed on this machine; here on the embedded Kusto of this file. */
  const lines = [...COMMANDS.flatMap(({ examples }) => examples.map(({ line }) => line)), ...overviewLines()].filter(
    (line) =>
      line.startsWith('kusto-arrow ') &&
      line.includes(' --local') &&
      !/ --load | --data-dir | bench | \| /.test(line.replaceAll(/'[^']*'/g, "''")),
  )

  it.each([...new Set(lines)].filter((line) => !line.startsWith('kusto-arrow bench')).map((line) => [line]))(
    '%s',
    async (line) => {
      const words = [...line.slice('kusto-arrow '.length).matchAll(/'([^']*)'|(\S+)/g)].map(
        (match) => match[1] ?? match[2] ?? '',
      )
      const args = words
        .filter((word) => word !== '--local')
        .map((word) => (/^[\w-]+\.(?:parquet|svg|html)$/.test(word) ? file(word) : word))
      expect(await kusto(args)).toMatchObject({ code: 0 })
    },
  )
})

/** The command lines of the README and of the first screen of the page. */
function overviewLines(): readonly string[] {
  const pages = ['../../README.md', '../../docs/cli.md'].map((page) =>
    readFileSync(new URL(page, import.meta.url), 'utf8'),
  )
  return pages.flatMap((page) =>
    [...page.matchAll(/^(?:npx )?(kusto-arrow [^#\n]*?) *(?:#.*)?$/gm)].map((match) => match[1] ?? ''),
  )
}

describe('help', () => {
  it.each(COMMANDS.map(({ words }) => [words]))('of %s begins with examples and names every flag', async (words) => {
    const { code, out } = await run([...words.split(' '), '--help'])
    expect([code, out]).toEqual([0, expect.stringMatching(/^kusto-arrow [^\n]+\n\nExamples:\n {2}\S/)])
    const command = COMMANDS.find((each) => each.words === words)
    for (const { name } of command?.flags ?? []) expect(out).toContain(`--${name}`)
    expect(
      Math.max(
        ...out
          .split('\n')
          .filter((line) => !line.startsWith('  kusto-arrow'))
          .map((line) => line.length),
      ),
    ).toBeLessThan(140)
  })

  it('lists every command', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    for (const { words, summary } of COMMANDS)
      expect(out).toMatch(
        new RegExp(`^  ${words} +${summary.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`, 'm'),
      )
    expect((await run([])).code).toBe(2)
  })

  it.each([['bash'], ['zsh'], ['fish']])('completions for %s know every command and flag', async (shell) => {
    const { out } = await run(['completions', shell])
    for (const { words, flags } of COMMANDS) {
      for (const word of words.split(' ')) expect(out).toContain(word)
      for (const { name } of flags) expect(out).toContain(shell === 'fish' ? `-l ${name}` : `--${name}`)
    }
  })
})
