import { Int64, Table, vectorFromArray } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector } from '../../src/index.ts'
import type { KustoIngestError, WriteEvent, WriteOptions, WriteReceipt } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { startGateway } from './gateway.ts'
import { startRecordingProxy } from './recording-proxy.ts'
import type { RecordingProxy } from './recording-proxy.ts'

let local: LocalKusto
let proxy: RecordingProxy
let kusto: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  proxy = await startRecordingProxy(local.cluster)
  kusto = new KustoConnector({ cluster: proxy.url, database: local.database })
})

afterAll(async () => {
  await kusto.close()
  await proxy.close()
  await local.close()
})

afterEach(() => local.faults.clear())

const ALL: WriteOptions = { mode: 'transactional' }
const NEW: WriteOptions = { mode: 'transactional', create: 'CreateIfNotExist' }

const numbers = (count: number, first = 0): readonly { readonly n: number }[] =>
  Array.from({ length: count }, (_, index) => ({ n: first + index }))

/** Batches that make a blob each. */
const blobs = (count: number, rowsEach = 100): readonly Table[] =>
  Array.from(
    { length: count },
    (_, blob) =>
      new Table({
        n: vectorFromArray(
          Array.from({ length: rowsEach }, (__, row) => BigInt(blob * rowsEach + row)),
          new Int64(),
        ),
      }),
  )
const ONE_EACH: WriteOptions = { maxBlobBytes: 1_000, format: 'csv' }

async function run(command: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const { columns, rows } = await kusto.command(command).rows()
  return rows.map((row) => Object.fromEntries(columns.map(({ name }) => [name, row.text(name)])))
}

const make = (table: string, columns = 'n:long'): Promise<unknown> => run(`.create table ['${table}'] (${columns})`)
const leftovers = async (): Promise<readonly string[]> => (await kusto.stagingTables()).map(({ name }) => name)

/** Commands of this write that were sent to the management endpoint. */
async function commandsOf(write: () => Promise<unknown>): Promise<readonly string[]> {
  proxy.seen.length = 0
  await write()
  return proxy.seen.map(({ csl }) => csl)
}

describe('spark:W1 a transactional write', () => {
  it('shows nothing of its rows before all are loaded, and then all', async () => {
    await make('Visible')
    const seen: number[] = []
    const look = kusto.query("['Visible'] | count")
    const looks: Promise<unknown>[] = []
    const onEvent = (event: WriteEvent): void => {
      if (event.kind === 'extents-moved') return
      looks.push(look.table().then((table) => seen.push(Number(table.get(0)?.['Count']))))
    }
    await kusto.write('Visible', blobs(4), { ...ALL, ...ONE_EACH, onEvent })
    await Promise.all(looks)
    expect(await kusto.read('Visible').count()).toBe(400)
    expect(seen.length).toBeGreaterThan(5)
    expect(seen.filter((count) => count !== 0 && count !== 400)).toEqual([])
  })

  it('moves more than 400 extents by one command', { timeout: 600_000 }, async () => {
    await make('Many')
    let receipt: WriteReceipt | undefined
    const commands = await commandsOf(async () => {
      receipt = await kusto.write('Many', blobs(420, 2), { ...ALL, format: 'csv', maxBlobBytes: 20, uploads: 8 })
    })
    expect(commands.filter((csl) => csl.startsWith('.move'))).toHaveLength(1)
    expect(receipt?.toJSON().transaction).toMatchObject({ kind: 'moved', movedExtents: 420 })
    expect(await kusto.read('Many').count()).toBe(840)
  })

  it('creates a table no sooner than right before the move', async () => {
    const commands = await commandsOf(() => kusto.write('Late', numbers(3), NEW))
    const created = commands.findIndex((csl) => csl.startsWith(".create-merge table ['Late']"))
    expect(commands[created + 1]).toMatch(/^\.move async extents/)
    local.faults.set([{ match: { text: ".show table ['kustoArrowStaging_Never" }, action: { status: 400 } }])
    await expect(kusto.write('Never', numbers(3), NEW)).rejects.toMatchObject({ status: 400 })
    expect((await run('.show tables')).map(({ TableName }) => TableName)).not.toContain('Never')
    expect([await kusto.read('Late').count(), await leftovers()]).toEqual([3, []])
  })
})

it(
  'spark:W1 an error of the caller after the move does not hide that the rows are there',
  { timeout: 300_000 },
  async () => {
    await make('Thrown')
    const thrown = new Error('from onEvent')
    const onEvent = ({ kind }: WriteEvent): void => {
      if (kind === 'extents-moved') throw thrown
    }
    const error = await kusto.write('Thrown', numbers(4), { ...ALL, onEvent }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'KUSTO_WRITE_COMMITTED', cause: thrown })
    const receipt = await kusto.receipt((error as KustoIngestError).receipt).completed()
    expect([receipt.rows, await kusto.read('Thrown').count(), await leftovers()]).toEqual([4, 4, []])
  },
)

describe('spark:W11 ingestIfNotExists', () => {
  const once: WriteOptions = { ...NEW, ...ONE_EACH, ingestByTags: ['day'], ingestIfNotExists: ['day'] }

  it('skips the second write of several blobs, and says so', async () => {
    const first = await kusto.write('Once', blobs(3), once)
    expect([first.skipped, first.rows, first.blobs.length]).toEqual([false, 300, 3])
    const second = await kusto.write('Once', blobs(3), once)
    expect([second.skipped, second.rows, second.toJSON().skippedBy, second.toJSON().mode]).toEqual([
      true,
      0,
      'day',
      'transactional',
    ])
    expect([await kusto.read('Once').count(), await leftovers()]).toEqual([300, []])
  })

  it(
    'is asked again before the move: a write that is late gives way, and drops what it loaded',
    { timeout: 300_000 },
    async () => {
      await make('Race')
      const gateway = await startGateway(local.cluster)
      await using late = new KustoConnector({ cluster: gateway.url, database: local.database })
      let asked = 0
      gateway.intercept = async ({ label }, forward) => {
        if (label === '.show table extents where tags has' && ++asked === 2) await kusto.write('Race', numbers(5), once)
        return forward()
      }
      const receipt = await late.write('Race', blobs(2), once)
      await gateway.close()
      expect([receipt.skipped, receipt.rows, (await receipt.completed()).outcome?.rows]).toEqual([true, 0, 0])
      expect(receipt.toJSON()).toMatchObject({ skippedBy: 'day', transaction: { kind: 'skipped', stagingLeft: false } })
      expect([await kusto.read('Race').count(), await leftovers()]).toEqual([5, []])
    },
  )
})

it('spark:W12 creationTime is that of the extents, years ago too', async () => {
  await make('Old')
  const creationTime = new Date('2019-03-04T05:06:07.000Z')
  const commands = await commandsOf(() => kusto.write('Old', numbers(3), { ...ALL, creationTime }))
  const script = commands.find((csl) => csl.startsWith('.execute database script')) ?? ''
  const days = Number(/SoftDeletePeriod\W+(\d+)\./.exec(script)?.[1])
  expect(Date.now() - days * 86_400_000).toBeLessThan(creationTime.getTime())
  const extents = await run('.show table Old extents')
  expect(extents.map(({ MaxCreatedOn }) => Date.parse(MaxCreatedOn ?? ''))).toEqual([creationTime.getTime()])
  const tomorrow = new Date(Date.now() + 86_400_000)
  await expect(kusto.write('Old', numbers(3), { ...ALL, creationTime: tomorrow })).rejects.toMatchObject({
    code: 'KUSTO_BAD_OPTION',
  })
})

describe('spark:W15 the staging table', () => {
  it('is hidden, kept and deleted in time, never merged, and batches as the target does', async () => {
    await make('Policies')
    const batching = '{"MaximumBatchingTimeSpan":"00:00:20","MaximumNumberOfItems":7,"MaximumRawDataSizeMB":200}'
    await run(`.alter table Policies policy ingestionbatching '${batching}'`)
    const found: Record<string, string> = {}
    const looks: Promise<unknown>[] = []
    const look = async (): Promise<void> => {
      const [name = ''] = await leftovers()
      for (const policy of ['retention', 'auto_delete', 'merge', 'ingestionbatching']) {
        found[policy] = (await run(`.show table ${name} policy ${policy}`))[0]?.['Policy'] ?? ''
      }
      found['listed'] = String((await run('.show tables')).some(({ TableName }) => TableName === name))
    }
    let isHeld = false
    const onEvent = (event: WriteEvent): void => {
      if (event.kind !== 'ingestion-waiting' || isHeld) return
      isHeld = true
      looks.push(look())
    }
    // The table is there while the states of blobs are asked for: look at it then.
    local.faults.set([{ match: { path: '/queued/', method: 'GET' }, after: 1, times: 2, action: { delayMs: 2_000 } }])
    const before = Date.now()
    await kusto.write('Policies', blobs(3), { ...ALL, ...ONE_EACH, onEvent })
    await Promise.all(looks)
    expect(JSON.parse(found['ingestionbatching'] ?? '')).toMatchObject({ MaximumNumberOfItems: 7 })
    expect(JSON.parse(found['merge'] ?? '')).toMatchObject({ AllowMerge: false, AllowRebuild: false })
    expect(JSON.parse(found['retention'] ?? '')).toMatchObject({
      SoftDeletePeriod: '8.00:00:00',
      Recoverability: 'Disabled',
    })
    const expiry = JSON.parse(found['auto_delete'] ?? '') as { ExpiryDate: string; DeleteIfNotEmpty: boolean }
    expect(expiry.DeleteIfNotEmpty).toBe(true)
    expect(Date.parse(expiry.ExpiryDate)).toBeGreaterThanOrEqual(before + 604_800_000)
    expect(found['listed']).toBe('false')
    expect(await leftovers()).toEqual([])
  })

  it('is made by one command after the other where scripts are not allowed', async () => {
    await make('NoScripts')
    local.faults.set([{ match: { text: '.execute database script' }, action: { status: 403 } }])
    const receipt = await kusto.write('NoScripts', numbers(3), ALL)
    expect([await kusto.read('NoScripts').count(), receipt.toJSON().commands]).toEqual([3, 12])
  })
})

it('spark:W16 a stored mapping, the schema and tags survive the move', async () => {
  await make('Mapped', 'a:long, b:string, c:datetime')
  const mapping = '[{"column":"b","Properties":{"Ordinal":"0"}},{"column":"a","Properties":{"Ordinal":"1"}}]'
  await run(`.create table Mapped ingestion csv mapping "it's" '${mapping}'`)
  await kusto.write('Mapped', [{ x: 'one', y: 1 }], {
    ...ALL,
    ingestionMappingReference: "it's",
    dropByTags: ['d'],
    ingestByTags: ['i'],
    additionalTags: ['free'],
  })
  const table = await kusto.read('Mapped').table()
  expect(table.toArray().map((row) => [row?.['a'], row?.['b'], row?.['c']])).toEqual([[1n, 'one', null]])
  const [extent] = await run('.show table Mapped extents')
  expect(extent?.['Tags']?.split('\r\n').sort()).toEqual(['drop-by:d', 'free', 'ingest-by:i'])
})

it('spark:W18 rows get the time of the move, so that cursors and materialized views see them', async () => {
  await make('Source')
  let movedFrom = 0
  const commands = await commandsOf(() =>
    kusto.write('Source', numbers(3), {
      ...ALL,
      onEvent: ({ kind }) => kind === 'rows-staged' && (movedFrom = Date.now()),
    }),
  )
  const move = commands.find((csl) => csl.startsWith('.move')) ?? ''
  expect(move.match(/ with \(/g)).toHaveLength(1)
  expect(move).toMatch(/ with \(setNewIngestionTime=true, extentCreatedOnFrom=datetime/)
  const table = await kusto.query('Source | summarize min(ingestion_time())').table()
  expect(Number(table.getChildAt(0)?.get(0))).toBeGreaterThanOrEqual(movedFrom - 1)
})

describe('spark:W20 a staging table of the caller', () => {
  it('is loaded, emptied by the move, and never dropped', async () => {
    await make('Own')
    await make('OwnStaging')
    const receipt = await kusto.write('Own', blobs(3), { ...ALL, ...ONE_EACH, stagingTable: 'OwnStaging' })
    expect(receipt.toJSON().transaction).toMatchObject({ stagingTable: 'OwnStaging', stagingLeft: true, kind: 'moved' })
    expect([await kusto.read('Own').count(), await kusto.read('OwnStaging').count()]).toEqual([300, 0])
  })

  it('is kept with its rows on failure, and refused before it is cleared', async () => {
    await make('Kept')
    await make('KeptStaging')
    local.faults.set([{ match: { text: '.move async' }, action: { status: 400 } }])
    const options = { ...ALL, stagingTable: 'KeptStaging' }
    await expect(kusto.write('Kept', numbers(7), options)).rejects.toMatchObject({ status: 400 })
    local.faults.clear()
    expect([await kusto.read('Kept').count(), await kusto.read('KeptStaging').count()]).toEqual([0, 7])
    await expect(kusto.write('Kept', numbers(7), options)).rejects.toMatchObject({ code: 'KUSTO_BAD_STAGING_TABLE' })
    await run('.clear table KeptStaging data')
    await kusto.write('Kept', numbers(7), options)
    expect(await kusto.read('Kept').count()).toBe(7)
  })

  it.each([
    ['Missing', /exists/],
    ['Rules', /another table/],
    ['RulesOther', /only columns of the target/],
    ['RulesLess', /column n:long/],
  ])('%s is refused before anything is sent', async (stagingTable, message) => {
    await run('.create tables Rules (n:long, m:string), RulesOther (n:long, x:real), RulesLess (m:string)')
    await expect(kusto.write('Rules', numbers(1), { ...ALL, stagingTable })).rejects.toThrow(message)
  })

  it.each<[WriteOptions, RegExp]>([
    [{ stagingTable: 'S' }, /mode 'transactional' only/],
    [{ mode: 'replace', stagingTable: 'S' }, /mode 'transactional' only/],
    [{ mode: 'transactional', create: 'CreateIfNotExist', stagingTable: 'S' }, /FailIfNotExist/],
    [{ mode: 'transactional', stagingTable: 'S', stagingTimeoutMs: 9e9 }, /without stagingTable/],
    [{ mode: 'transactional', stagingTimeoutMs: 7_199_999 }, /at least twice/],
    [{ timeoutMs: 1 }, /'transactional' and 'replace' only/],
    [{ mode: 'transactional', replaceTag: 'x' }, /mode 'replace' only/],
    [{ mode: 'replace', replaceTag: 'drop-by:x' }, /without the prefix/],
    [{ mode: 'transactional', deduplicateBlobs: 'name' }, /ingestByTags/],
  ])('and what goes with it is checked: %j', async (options, message) => {
    await expect(kusto.write('Rules', numbers(1), options)).rejects.toThrow(message)
  })
})

it('spark:W23 tags by which blobs are loaded once are taken off before the move', async () => {
  await make('Dedup')
  const receipt = await kusto.write('Dedup', blobs(3), {
    ...ALL,
    ...ONE_EACH,
    deduplicateBlobs: true,
    additionalTags: ['mine'],
  })
  expect([receipt.rows, await kusto.read('Dedup').count()]).toEqual([300, 300])
  expect(new Set((await run('.show table Dedup extents')).map(({ Tags }) => Tags))).toEqual(new Set(['mine']))
})

describe('spark:W27 mode replace', () => {
  it('puts rows in the place of all that the table holds, by one command', async () => {
    await make('Replaced')
    await kusto.write('Replaced', blobs(3), { ...ALL, ...ONE_EACH })
    let receipt: WriteReceipt | undefined
    const commands = await commandsOf(async () => {
      receipt = await kusto.write('Replaced', numbers(5, 1000), { mode: 'replace' })
    })
    expect(commands.filter((csl) => /^\.(?:replace|move|drop extents|clear)/.test(csl))).toHaveLength(1)
    expect(receipt?.toJSON()).toMatchObject({
      mode: 'replace',
      transaction: { kind: 'replaced', movedExtents: 1, droppedExtents: 3, stagingLeft: false },
    })
    const values = [...((await kusto.read('Replaced').table()).getChild('n') ?? [])].map(Number).sort((a, b) => a - b)
    expect(values).toEqual([1000, 1001, 1002, 1003, 1004])
  })

  it('replaces what carries a tag only, again and again', async () => {
    await make('Tagged')
    await kusto.write('Tagged', numbers(10), { ...ALL, dropByTags: ['a'] })
    await kusto.write('Tagged', numbers(20), { ...ALL, dropByTags: ['b'] })
    for (const count of [3, 4]) {
      const receipt = await kusto.write('Tagged', numbers(count), { mode: 'replace', replaceTag: 'a' })
      expect(receipt.toJSON().transaction).toMatchObject({ kind: 'replaced', droppedExtents: 1 })
      expect(await kusto.read('Tagged').count()).toBe(20 + count)
    }
  })

  it('empties table or tag when there are no rows', async () => {
    await make('Emptied')
    await kusto.write('Emptied', numbers(10), { ...ALL, dropByTags: ['a'] })
    await kusto.write('Emptied', numbers(20), ALL)
    const none = new Table({ n: vectorFromArray([], new Int64()) })
    const part = await kusto.write('Emptied', none, { mode: 'replace', replaceTag: 'a' })
    expect([part.toJSON().transaction?.kind, await kusto.read('Emptied').count()]).toEqual(['cleared', 20])
    const all = await kusto.write('Emptied', none, { mode: 'replace' })
    expect([all.toJSON().transaction, await kusto.read('Emptied').count()]).toMatchObject([
      { kind: 'cleared', droppedExtents: 1, movedExtents: 0 },
      0,
    ])
  })

  it('fills a table that is empty, or is not there', async () => {
    const receipt = await kusto.write('Fresh', numbers(5), { mode: 'replace', create: 'CreateIfNotExist' })
    expect([receipt.created, receipt.toJSON().transaction?.droppedExtents]).toEqual([true, 0])
    expect(await kusto.read('Fresh').count()).toBe(5)
  })

  it('fails as a whole when an extent it was to drop is gone, looks again, and succeeds', async () => {
    await make('Moving')
    await kusto.write('Moving', numbers(5), ALL)
    const gateway = await startGateway(local.cluster)
    await using other = new KustoConnector({ cluster: gateway.url, database: local.database })
    let replacements = 0
    gateway.intercept = async ({ label }, forward) => {
      // Extents get other ids when they are merged, or when their tags change.
      if (label.startsWith('.replace') && ++replacements === 1) {
        await run('.alter table Moving extent tags ("x") <| .show table Moving extents')
      }
      return forward()
    }
    const receipt = await other.write('Moving', numbers(9), { mode: 'replace' })
    await gateway.close()
    expect([replacements, receipt.rows, await kusto.read('Moving').count()]).toEqual([2, 9, 9])
    expect(receipt.toJSON().transaction?.operationIds).toHaveLength(2)
  })
})

it('spark:W27 other modes are refused with the names of those that there are', async () => {
  const options = { mode: 'overwrite' } as unknown as WriteOptions
  await expect(kusto.write('T', numbers(1), options)).rejects.toThrow(/queued, transactional, replace/)
})

it('spark:W28 an input without rows is a success, and makes no staging table', async () => {
  await make('None')
  const none = new Table({ n: vectorFromArray([], new Int64()) })
  const commands = await commandsOf(async () => {
    const receipt = await kusto.write('None', none, ALL)
    expect(receipt.toJSON()).toMatchObject({
      rows: 0,
      commands: 1,
      transaction: { kind: 'nothing', stagingLeft: false },
    })
  })
  expect(commands).toEqual([".show table ['None'] schema as json"])
})

it.each(['queue', 'rest'] as const)(
  'spark:W1 goes by the way of the connector: %s',
  { timeout: 300_000 },
  async (ingestion) => {
    await make(`By_${ingestion}`)
    await using other = new KustoConnector({ cluster: local.cluster, database: local.database, ingestion })
    const receipt = await other.write(`By_${ingestion}`, blobs(2), { ...ALL, ...ONE_EACH })
    expect([receipt.toJSON().via, receipt.blobs.length, await other.read(`By_${ingestion}`).count()]).toEqual([
      ingestion,
      2,
      200,
    ])
  },
)

describe('spark:W33 a small write', () => {
  it('sends 8 management commands, and its receipt says so', async () => {
    await make('Counted')
    let receipt: WriteReceipt | undefined
    const commands = await commandsOf(async () => {
      receipt = await kusto.write('Counted', numbers(10), ALL)
    })
    // One look at the move, and one more for each that comes before its end.
    const isLook = (csl: string): boolean => csl.startsWith('.show operations')
    const further = commands.filter(isLook).length - 1
    expect(further).toBeGreaterThanOrEqual(0)
    expect(commands).toHaveLength(8 + further)
    expect(receipt?.toJSON().commands).toBe(8 + further)
  })

  it('sends two more for each name of ingestIfNotExists, and one in all when the name is there', async () => {
    await make('CountedOnce')
    const named: WriteOptions = { ...ALL, ingestByTags: ['n'], ingestIfNotExists: ['n'] }
    const commands = await commandsOf(() => kusto.write('CountedOnce', numbers(10), named))
    expect(commands.filter((csl) => !csl.startsWith('.show operations'))).toHaveLength(9)
    expect(commands.filter((csl) => csl.includes('where tags has'))).toHaveLength(2)
    expect(await commandsOf(() => kusto.write('CountedOnce', numbers(10), named))).toHaveLength(1)
  })

  it('has a receipt that needs no waiting, here or read again elsewhere', async () => {
    await make('Reread')
    const receipt = await kusto.write('Reread', numbers(10), ALL)
    proxy.seen.length = 0
    const again = kusto.receipt(JSON.stringify(receipt))
    expect([(await receipt.completed()).rows, (await again.completed()).outcome?.rows]).toEqual([10, 10])
    expect((await again.status()).map(({ state }) => state)).toEqual(['Succeeded'])
    expect(proxy.seen).toEqual([])
    expect(again.toJSON()).toMatchObject({
      mode: 'transactional',
      transaction: { kind: 'moved', movedExtents: 1, operationIds: [expect.stringMatching(/^[0-9a-f-]{36}$/)] },
    })
  })
})

it('spark:W34 a blob that fails fails the write with its status, and nothing of the others shows', async () => {
  await make('Partly')
  const gateway = await startGateway(local.cluster)
  await using other = new KustoConnector({ cluster: gateway.url, database: local.database })
  let uploads = 0
  // Storage says it has the second blob, and has not.
  gateway.intercept = ({ label }, forward) =>
    label === 'PUT blob' && ++uploads === 2 ? Promise.resolve({ status: 201 }) : forward()
  const error = await other
    .write('Partly', blobs(3), { ...ALL, ...ONE_EACH, uploads: 1 })
    .catch((thrown: unknown) => thrown)
  await gateway.close()
  expect(error).toMatchObject({ code: 'KUSTO_INGESTION_FAILED' })
  expect((error as KustoIngestError).failures).toMatchObject([
    { status: 'Failed', errorCode: expect.stringMatching(/\w/) },
  ])
  expect([await kusto.read('Partly').count(), await leftovers()]).toEqual([0, []])
})

it('an abort drops the staging table and deletes blobs side by side, so that one does not wait for the other', async () => {
  await make('SideBySide')
  const gateway = await startGateway(local.cluster)
  await using other = new KustoConnector({ cluster: gateway.url, database: local.database })
  const stop = new AbortController()
  let tell: () => void = () => undefined
  const dropped = new Promise<void>((resolve) => void (tell = resolve))
  gateway.intercept = async ({ label }, forward) => {
    if (label === 'POST queued') {
      stop.abort(new Error('enough'))
      return undefined
    }
    if (label.startsWith('.drop table')) tell()
    if (label === 'DELETE blob') await dropped
    return forward()
  }
  const events: WriteEvent[] = []
  const options = { ...ALL, ...ONE_EACH, signal: stop.signal, onEvent: (event: WriteEvent) => void events.push(event) }
  await expect(other.write('SideBySide', blobs(3), options)).rejects.toThrow('enough')
  await gateway.close()
  expect(events.filter(({ kind }) => kind === 'uploads-removed')).toMatchObject([{ removed: 3, failed: 0 }])
  expect(await leftovers()).toEqual([])
})

// Without an abort the drop is waited for longer than this test may take.
it(
  'an abort while the staging table is dropped ends the write, whose receipt says what is left',
  { timeout: 25_000 },
  async () => {
    await make('Hurried')
    const gateway = await startGateway(local.cluster)
    await using other = new KustoConnector({ cluster: gateway.url, database: local.database })
    const stop = new AbortController()
    gateway.intercept = ({ label }, forward) => {
      if (!label.startsWith('.drop table')) return forward()
      stop.abort(new Error('enough'))
      return new Promise(() => undefined)
    }
    const receipt = await other.write('Hurried', numbers(5), { ...ALL, signal: stop.signal })
    await gateway.close()
    const { transaction } = receipt.toJSON()
    expect(transaction).toMatchObject({ kind: 'moved', stagingLeft: true, stagingTable: expect.any(String) as string })
    expect(await kusto.read('Hurried').count()).toBe(5)
    expect(await leftovers()).toEqual([transaction?.stagingTable])
    await kusto.dropStagingTables({ tables: await leftovers() })
  },
)

it(
  'spark:W19 staging tables whose write must have ended are dropped by age, and others stay',
  { timeout: 300_000 },
  async () => {
    const old = 'kustoArrowStaging_Gone_20200101T000000000Z_0123456789ab'
    const note = JSON.stringify({ target: 'Gone', busyUntil: '2020-01-04T12:00:00.000Z' })
    await run(`.create table ${old} (n:long) with (hidden=true, docstring='${note}')`)
    await run(`.set-or-append ${old} <| range n from 1 to 3 step 1`)
    const odd = 'kustoArrowStaging_Odd_20200101T000000000Z_0123456789ac'
    await run(`.create table ${odd} (n:long) with (hidden=true, docstring='mine')`)
    expect(await kusto.stagingTables({ olderThanMs: 86_400_000 })).toMatchObject([
      { name: old, target: 'Gone', createdAt: '2020-01-01T00:00:00.000Z', rows: 3, extents: 1, safe: true },
      { name: odd, target: undefined, rows: 0, safe: false },
    ])
    expect(await kusto.stagingTables({ olderThanMs: 40 * 365 * 86_400_000 })).toEqual([])
    const { dropped, kept, failures } = await kusto.dropStagingTables()
    expect([dropped.map(({ name }) => name), kept.map(({ name }) => name), failures]).toEqual([[old], [odd], []])
    await kusto.dropStagingTables({ tables: [odd] })
    expect(await leftovers()).toEqual([])
  },
)
