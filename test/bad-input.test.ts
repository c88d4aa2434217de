import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { inspect, promisify } from 'node:util'
import { tableFromArrays } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BatchInput,
  col,
  KustoConnector,
  type KustoConnectorOptions,
  KustoError,
  kql,
  type ReadOptions,
  type WriteOptions,
  writeOptionsFromSpark,
} from '../src/index.ts'
import { type LocalKusto, startLocalKusto } from '../src/local/index.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const MAIN = path.join(ROOT, 'dist/cli/main.js')
const SECRET = 'eyJ-not-a-token'

let folder = ''
let local: LocalKusto
let kusto: KustoConnector

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kusto-arrow-bad-input-'))
  local = await startLocalKusto()
  kusto = new KustoConnector({ cluster: local.cluster, database: local.database })
  await kusto.command('.create table T (id:long, name:string)').rows()
})

afterAll(async () => {
  await kusto.close()
  await local.close()
  rmSync(folder, { recursive: true })
})

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function run(script: string, ...args: readonly string[]): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...args], {
      cwd: folder,
      timeout: 110_000,
    })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as Ended
    return { code, stdout, stderr }
  }
}

/** One failure on one line, and at most its code, what to do next, and where help is; never a stack. */
function expectOneMessage({ stdout, stderr }: Ended, message: string | RegExp): void {
  const [first = '', ...rest] = stderr.trimEnd().split('\n')
  expect(stdout).toBe('')
  expect(first).toMatch(/^kusto-arrow: /)
  expect(first).toMatch(message)
  expect(rest.filter((line) => !/^(see: kusto-arrow | {2}code [A-Z_]+$| {2}next: )/.test(line))).toEqual([])
  expect(stderr).not.toMatch(/^ +at |node:internal|KustoUsageError/m)
}

async function failureOf(work: () => unknown): Promise<KustoError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof KustoError) return error
    throw error
  }
  throw new Error('expected a failure, found none')
}

describe('a query that cannot work', () => {
  it.each<[string, () => unknown, object]>([
    ['names an unknown table', () => kusto.read('Nope').table(), { innerCode: 'SEM0100', status: 400 }],
    ['counts an unknown table', () => kusto.read('Nope').count(), { innerCode: 'SEM0100', status: 400 }],
    [
      'names an unknown table, distributed',
      () => kusto.read('Nope', { mode: 'distributed' }).table(),
      { innerCode: 'SEM0100', status: 400 },
    ],
    ['names an unknown column', () => kusto.read('T').where(col('nope').eq(1)).table(), { innerCode: 'SEM0100' }],
    ['is bad KQL', () => kusto.query('T | where').table(), { code: 'BadRequest_SyntaxError', innerCode: 'SYN0002' }],
    ['is a bad command', () => kusto.command('.show nothing at all').rows(), { code: 'BadRequest_SyntaxError' }],
    [
      'needs what the embedded Kusto does not have',
      () => kusto.query('T | evaluate autocluster()').table(),
      { code: 'BadRequest_NotSupportedByEmulator', status: 400 },
    ],
  ])('that %s is an error of the service', async (_what, work, facts) => {
    const error = await failureOf(work)
    expect(error).toMatchObject({ name: 'KustoServiceError', retryable: false, ...facts })
    expect(error.message).toMatch(/Nope|nope|SYN0002|Expected|autocluster/)
    expect(error.message).not.toMatch(/^ +at /m)
    expect(error.context.clientRequestId).toMatch(/./)
  })
})

describe('data that do not fit', () => {
  const rows = (name: unknown): BatchInput => [{ id: 1, name }]

  it.each<[string, BatchInput, WriteOptions, object]>([
    [
      'no table',
      rows('a'),
      {},
      { name: 'KustoUsageError', code: 'KUSTO_TABLE_NOT_FOUND', message: /Nope.*CreateIfNotExist/ },
    ],
    [
      'another type',
      rows(1),
      {},
      { code: 'KUSTO_SCHEMA_MISMATCH', message: /column name: the table has string, found long/ },
    ],
    [
      'a column too many',
      [{ id: 1, more: 2 }],
      {},
      { code: 'KUSTO_SCHEMA_MISMATCH', message: /more:long is not in the table/ },
    ],
    ['a column in other case', [{ ID: 1 }], {}, { code: 'KUSTO_SCHEMA_MISMATCH', message: /the table has id/ }],
    [
      'rows that disagree',
      [{ id: 1 }, { id: true }],
      {},
      { name: 'KustoDataError', code: 'KUSTO_ROW_CONFLICT', column: 'id', row: 1 },
    ],
    [
      'an integer too large',
      tableFromArrays({ id: BigUint64Array.of(1n, 2n ** 63n) }),
      {},
      { name: 'KustoDataError', code: 'KUSTO_INTEGER_RANGE', column: 'id', row: 1 },
    ],
    ['text', 'id,name' as unknown as BatchInput, {}, { name: 'KustoUsageError', code: 'KUSTO_BAD_INPUT' }],
    [
      'text that is no number',
      [{ id: '1' }, { id: 'one' }],
      {},
      {
        name: 'KustoDataError',
        code: 'KUSTO_ROW_VALUE',
        column: 'id',
        row: 1,
        type: 'long',
        message: /column id, row 1: expected a whole number for a column of type long/,
      },
    ],
    [
      'a number too large in text',
      [{ id: '9223372036854775808' }],
      {},
      { name: 'KustoDataError', code: 'KUSTO_INTEGER_RANGE', column: 'id', row: 0 },
    ],
    [
      'batches that drift',
      [tableFromArrays({ id: BigInt64Array.of(1n) }), tableFromArrays({ id: Int32Array.of(2) })],
      {},
      {
        name: 'KustoDataError',
        code: 'KUSTO_SCHEMA_DRIFT',
        message: /batch 1: expected column 0 to be id: Int64, found id: Int32/,
      },
    ],
    [
      'a mapping that nobody stored',
      rows('a'),
      { ingestionMappingReference: 'M' },
      { name: 'KustoUsageError', code: 'KUSTO_MAPPING_NOT_FOUND', message: /mapping M; there is none at all/ },
    ],
    [
      'a mapping of a column that is not there',
      rows('a'),
      { ingestionMapping: [{ column: 'nope', ordinal: 0 }] },
      { name: 'KustoUsageError', code: 'KUSTO_BAD_MAPPING', message: /column nope, which table T does not have/ },
    ],
    [
      'a column for blobs that is not there',
      rows('a'),
      { sourceLocationColumn: true },
      {
        code: 'KUSTO_SCHEMA_MISMATCH',
        message: /ingestion_source_location_url_blob_internal:string is not in the table/,
      },
    ],
  ])(
    '%s: a typed error and no row written',
    async (what, data, options, { message, ...facts }: { message?: RegExp }) => {
      const error = await failureOf(() => kusto.write(what === 'no table' ? 'Nope' : 'T', data, options))
      expect(error).toMatchObject({ retryable: false, ...facts })
      if (message !== undefined) expect(error.message).toMatch(message)
      expect(await kusto.read('T').count()).toBe(0)
    },
  )
})

describe('options that are wrong', () => {
  const connect = (options: object): KustoConnector =>
    new KustoConnector({ cluster: local.cluster, database: local.database, ...options })

  it.each<[string, () => unknown, string, RegExp]>([
    ['read', () => kusto.read('T', { partitons: 4 } as ReadOptions), 'KUSTO_BAD_OPTION', /partitons/],
    ['read mode', () => kusto.read('T', { mode: 'fast' as 'single' }), 'KUSTO_BAD_OPTION', /auto, single, distributed/],
    ['partitions', () => kusto.read('T', { partitions: 0 }), 'KUSTO_BAD_OPTION', /partitions.*found 0/],
    ['types', () => kusto.read('T', { types: { datetime: 'ms' as 'us' } }), 'KUSTO_BAD_OPTION', /us, ns, ticks/],
    ['a query for a table', () => kusto.read('T | take 1'), 'KUSTO_NOT_A_TABLE', /query\(\)/],
    ['no column', () => kusto.read('T').select(), 'KUSTO_BAD_COLUMNS', /none/],
    [
      'a null without type',
      () => kql`T | where id == ${null as unknown as string}`,
      'KUSTO_BAD_LITERAL',
      /kql\.long\(null\)/,
    ],
    ['write', () => kusto.write('T', [], { formta: 'csv' } as WriteOptions), 'KUSTO_BAD_OPTION', /formta/],
    [
      'creation time',
      () => kusto.write('T', [], { creationTime: new Date(Date.now() + 60_000) }),
      'KUSTO_BAD_OPTION',
      /creationTime in the past/,
    ],
    [
      'tag prefix',
      () => kusto.write('T', [], { ingestByTags: ['ingest-by:x'] }),
      'KUSTO_BAD_OPTION',
      /without the prefix ingest-by:/,
    ],
    [
      'two mappings',
      () => kusto.write('T', [], { ingestionMapping: '[]', ingestionMappingReference: 'M' }),
      'KUSTO_TWO_MAPPINGS',
      /found both/,
    ],
    ['mapping', () => kusto.write('T', [], { ingestionMapping: '{' }), 'KUSTO_BAD_MAPPING', /not JSON/],
    [
      'mapping and adjustSchema',
      () => kusto.write('T', [], { ingestionMappingReference: 'M', adjustSchema: 'FailIfNotMatch' }),
      'KUSTO_BAD_OPTION',
      /adjustSchema left out beside a mapping/,
    ],
    [
      'CSV option with Parquet',
      () => kusto.write('T', [], { ignoreFirstRecord: true, format: 'parquet' }),
      'KUSTO_BAD_OPTION',
      /format 'csv' with ignoreFirstRecord/,
    ],
    ['explain', () => kusto.write('T', [], { explain: 1 } as unknown as WriteOptions), 'KUSTO_BAD_OPTION', /explain/],
    [
      'Spark option',
      () => writeOptionsFromSpark({ kustoCluster: 'c', kustoDatabase: 'd', kustoTable: 't', writeMod: 'Queued' }),
      'KUSTO_BAD_SPARK_OPTION',
      /did you mean writeMode\?/,
    ],
    [
      'timeout',
      () => kusto.read('T', { properties: { servertimeout: 1 } }).table(),
      'KUSTO_BAD_OPTION',
      /servertimeout/,
    ],
    ['receipt', () => kusto.receipt({}), 'KUSTO_BAD_RECEIPT', /receipt/],
    ['connector', () => connect({ clsuter: 'x' }), 'KUSTO_BAD_OPTION', /clsuter/],
    ['no cluster', () => new KustoConnector({ database: 'db1' }), 'KUSTO_NO_CLUSTER', /cluster/],
    [
      'no database',
      () => new KustoConnector({ cluster: 'https://help.kusto.windows.net' }),
      'KUSTO_NO_DATABASE',
      /database/,
    ],
    ['cluster', () => connect({ cluster: 'ftp://help' }), 'KUSTO_BAD_CLUSTER', /http/],
    ['credential', () => connect({ credential: 5 }), 'KUSTO_BAD_CREDENTIAL', /TokenCredential/],
    ['keyword', () => connect({ connectionString: 'Data Source=x;Databse=y' }), 'KUSTO_UNKNOWN_KEYWORD', /Databse/],
    ['fault rule', () => local.faults.add({ action: { stauts: 500 } as object }), 'KUSTO_BAD_OPTION', /stauts/],
    ['embedded Kusto', () => startLocalKusto({ prot: 1 } as object), 'KUSTO_BAD_OPTION', /prot/],
  ])('%s: a usage error that names them', async (_what, work, code, message) => {
    expect(await failureOf(work)).toMatchObject({
      name: 'KustoUsageError',
      code,
      message: expect.stringMatching(message) as string,
    })
  })
})

describe('a credential', () => {
  it.each<[string, KustoConnectorOptions, string]>([
    ['a host that is not Kusto', { cluster: 'https://kusto.windows.net.example.com' }, 'KUSTO_UNTRUSTED_HOST'],
    ['http', { cluster: 'http://help.kusto.windows.net' }, 'KUSTO_INSECURE_URL'],
    ['this machine', { cluster: 'http://127.0.0.1:9' }, 'KUSTO_TOKEN_TO_LOOPBACK'],
  ])('is not sent to %s, and not told in the error', async (_where, options, code) => {
    await using connector = new KustoConnector({ ...options, database: 'db1', credential: SECRET })
    const error = await failureOf(() => connector.query('print 1').table())
    expect(error).toMatchObject({ name: 'KustoAuthError', code, retryable: false })
    expect(inspect(error, { depth: 10 }) + inspect(connector, { depth: 10, showHidden: true })).not.toContain(SECRET)
  })
})

describe('an address where nobody listens', () => {
  it('is a network error that may pass', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await promisify(server.close.bind(server))()
    await using connector = new KustoConnector({ cluster: `http://127.0.0.1:${port}`, database: 'db1' })
    const error = await failureOf(() => connector.query('print 1').table())
    expect(error).toMatchObject({ name: 'KustoNetworkError', code: 'KUSTO_CONNECTION_FAILED', retryable: true })
    expect(error.context.cluster).toBe(`http://127.0.0.1:${port}`)
  })
})

describe('kusto-arrow local', () => {
  it.each<[string, readonly string[], number, RegExp]>([
    ['an unknown flag', ['local', '--prot', '1'], 2, /unknown option --prot \(did you mean --port\?\)/],
    ['a port that is none', ['local', '--port', 'http'], 2, /--port to be a whole number from 0 to 65535, found http/],
    ['a bad name', ['local', '--database', "a'b"], 2, /'database' must be a name/],
    ['an unknown command', ['serve'], 2, /unknown command serve/],
  ])('ends with one message for %s', async (_what, args, code, message) => {
    const ended = await run(MAIN, ...args)
    expectOneMessage(ended, message)
    expect(ended.code).toBe(code)
  })

  it('ends with 1 when the port is in use, which startLocalKusto says with LOCAL_PORT_IN_USE', async () => {
    const port = Number(new URL(local.cluster).port)
    const ended = await run(MAIN, 'local', '--no-storage', '--port', String(port))
    expectOneMessage(ended, `port ${port} on 127.0.0.1 is already in use`)
    expect(ended.code).toBe(1)
    expect(await failureOf(() => startLocalKusto({ storage: false, port }))).toMatchObject({
      name: 'KustoUsageError',
      code: 'LOCAL_PORT_IN_USE',
    })
  })

  it('ends with 1 when the data folder is a file', async () => {
    writeFileSync(path.join(folder, 'occupied'), '')
    const ended = await run(MAIN, 'local', '--no-storage', '--data-dir', 'occupied')
    expectOneMessage(ended, 'occupied')
    expect(ended.code).toBe(1)
  })
})

describe('a missing package', () => {
  const PEERS = ['@kusto/language-service-next@12.4.1', '@duckdb/node-api@1.5.5-r.5', 'azurite@3.35.0']
  const nameOf = (peer: string): string => peer.slice(0, peer.lastIndexOf('@'))
  let installed = ''

  /** A folder below which nothing is installed: packages are looked for in every folder above, too. */
  function bareFolder(): string {
    const isBare = (at: string): boolean =>
      !existsSync(path.join(at, 'node_modules')) && (path.dirname(at) === at || isBare(path.dirname(at)))
    const base = [tmpdir(), '/var/tmp', homedir()].find((candidate) => existsSync(candidate) && isBare(candidate))
    if (base === undefined) throw new Error('expected a folder without node_modules above it, found none')
    return mkdtempSync(path.join(base, 'kusto-arrow-installed-'))
  }

  /** An installation of this package whose node_modules lacks some others. */
  function without(...missing: readonly string[]): string {
    const home = path.join(installed, 'node_modules')
    rmSync(home, { recursive: true, force: true })
    mkdirSync(home)
    for (const entry of readdirSync(path.join(ROOT, 'node_modules'))) {
      const names = entry.startsWith('@')
        ? readdirSync(path.join(ROOT, 'node_modules', entry)).map((name) => `${entry}/${name}`)
        : [entry]
      for (const name of names.filter((each) => !missing.includes(each))) {
        mkdirSync(path.dirname(path.join(home, name)), { recursive: true })
        symlinkSync(path.join(ROOT, 'node_modules', name), path.join(home, name))
      }
    }
    return installed
  }

  beforeAll(() => {
    installed = bareFolder()
    cpSync(path.join(ROOT, 'dist'), path.join(installed, 'dist'), { recursive: true })
    cpSync(path.join(ROOT, 'package.json'), path.join(installed, 'package.json'))
    writeFileSync(
      path.join(installed, 'start.mjs'),
      `import { KustoConnector } from 'kusto-arrow'
import { startLocalKusto } from 'kusto-arrow/local'
new KustoConnector({ cluster: 'https://help.kusto.windows.net', database: 'Samples' })
try {
  await (await startLocalKusto({ storage: process.argv[2] !== 'no-storage' })).close()
} catch (error) {
  console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message }))
}
`,
    )
  })

  afterAll(() => rmSync(installed, { recursive: true, force: true }))

  it.each([...PEERS.map((peer) => [peer]), PEERS])(
    'gives the command that installs %s',
    async (...missing) => {
      const home = without(...missing.map(nameOf))
      const command = `npm install --save-dev ${missing.join(' ')}`
      const ended = await run(path.join(home, 'dist/cli/main.js'), 'local')
      expectOneMessage(ended, /npm install/)
      expect(ended.stderr).toContain(`${command}\n`)
      expect(ended.code).toBe(1)
      const { stdout } = await run(path.join(home, 'start.mjs'))
      expect(JSON.parse(stdout)).toEqual({
        name: 'KustoUsageError',
        code: 'LOCAL_PEER_MISSING',
        message: `the embedded Kusto needs packages that are not installed: ${command}`,
      })
    },
    120_000,
  )

  it('matters only for what needs it: no azurite without storage', async () => {
    const home = without('azurite')
    expect(await run(path.join(home, 'start.mjs'), 'no-storage')).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

describe('npm run demo', () => {
  let demo = ''

  beforeAll(async () => {
    mkdirSync(path.join(ROOT, 'build'), { recursive: true })
    demo = mkdtempSync(path.join(ROOT, 'build/bad-input-'))
    const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc')
    await promisify(execFile)(process.execPath, [tsc, '-p', path.join(ROOT, 'docs/examples'), '--outDir', demo])
  })

  afterAll(() => rmSync(demo, { recursive: true, force: true }))

  it.each([
    ['is not there', 'absent.parquet', /ENOENT.*absent\.parquet/],
    ['is a folder', '.', /EISDIR/],
    ['is not Parquet', 'text.parquet', /./],
  ])(
    'ends with 1 and says why when its file %s',
    async (_why, file, message) => {
      writeFileSync(path.join(folder, 'text.parquet'), 'origin,delay\n')
      const { code, stderr, stdout } = await run(path.join(demo, 'demo.js'), file)
      expect(code).toBe(1)
      const lines = stderr.trimEnd().split('\n')
      expect(lines.at(-2)).toMatch(/^failed while: /)
      expect(lines.at(-1)).toMatch(message)
      expect(stderr + stdout).not.toMatch(/^ +at /m)
    },
    120_000,
  )
})
