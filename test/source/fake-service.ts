import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { type CommandCell, CommandRow } from '../../src/client/command-table.ts'
import { DecodePool } from '../../src/source/decode-pool.ts'
import type { DistributedRead } from '../../src/source/read-distributed.ts'
import { Sweeps } from '../../src/source/export-storage-sweep.ts'
import { ReadCache } from '../../src/source/read-cache.ts'
import type { SourceContext } from '../../src/source/source-context.ts'
import { parseContainerUrl } from '../../src/storage/storage-location.ts'

/** Storage with one container: blobs by name, deletes, listings, and signatures that end. */
export class FakeStorage implements AsyncDisposable {
  readonly blobs: Map<string, Uint8Array> = new Map()
  /** What a request's `sig` must be; all others are refused with 403. */
  signature = 'first'
  readonly refused: string[] = []
  /** Listings and deletes get no answer. */
  isSilent = false
  /** Of questions for the version of a blob, by its name: what is answered at once with 403; others get no answer. */
  looks: 'answered' | ((name: string) => boolean) = 'answered'
  /** Downloads of these blobs get no answer, by their name. */
  hangs: (name: string) => boolean = () => false
  /** Requests without an answer whose sender still waits. */
  unanswered = 0
  readonly #server = createServer((request, response) => this.#answer(request, response))

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get container(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/account/box`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => void this.#server.close(resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.container)
    const name = decodeURIComponent(url.pathname.split('/').slice(3).join('/'))
    if (url.searchParams.get('sig') !== this.signature) {
      this.refused.push(name)
      response.writeHead(403, { 'x-ms-error-code': 'AuthenticationFailed' }).end()
      return
    }
    if (request.method === 'HEAD' && this.looks !== 'answered') {
      if (this.looks(name)) return void response.writeHead(403).end()
      this.unanswered++
      response.once('close', () => void this.unanswered--)
      return
    }
    if (request.method === 'GET' && this.hangs(name)) {
      this.unanswered++
      response.once('close', () => void this.unanswered--)
      return
    }
    if (this.isSilent && (request.method === 'DELETE' || url.searchParams.has('comp'))) return
    const blob = this.blobs.get(name)
    if (url.searchParams.get('comp') === 'list') {
      const prefix = url.searchParams.get('prefix') ?? ''
      const found = [...this.blobs.keys()].filter((each) => each.startsWith(prefix))
      const items = found
        .map(
          (each) =>
            `<Blob><Name>${each}</Name><Properties><Last-Modified>Thu, 01 Jan 1970 00:00:00 GMT</Last-Modified></Properties></Blob>`,
        )
        .join('')
      response.writeHead(200, { 'content-type': 'application/xml' })
      response.end(`<?xml version="1.0"?><EnumerationResults><Blobs>${items}</Blobs><NextMarker/></EnumerationResults>`)
    } else if (blob === undefined) {
      response.writeHead(404, { 'x-ms-error-code': 'BlobNotFound' }).end()
    } else if (request.method === 'DELETE') {
      this.blobs.delete(name)
      response.writeHead(202).end()
    } else {
      const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(String(request.headers['x-ms-range'])) ?? []
      const end = Math.min(to === '' ? Infinity : Number(to) + 1, blob.length)
      const body = blob.subarray(Number(from), end)
      response.writeHead(206, {
        etag: '"0x1"',
        'content-length': body.length,
        'content-range': `bytes ${from}-${end - 1}/${blob.length}`,
        'last-modified': new Date(0).toUTCString(),
        'x-ms-blob-type': 'BlockBlob',
      })
      response.end(body)
    }
  }
}

/** One run of an export: what each poll says, and what the details then are. */
export interface FakeExport {
  readonly states: readonly FakeState[]
  readonly blobs?: readonly FakeBlob[]
}
export interface FakeState {
  readonly state: string
  readonly status?: string
  readonly shouldRetry?: boolean
}
export interface FakeBlob {
  /** Rows of the file, a column `a` of longs. */
  readonly rows: number
  /** Rows as the details say, when they lie. */
  readonly said?: number | string
  /** The file's bytes, when they are not Parquet of those rows. */
  readonly bytes?: Uint8Array
  /** Path as the details say, when it lies. */
  readonly path?: string
}

/** A service whose query has one column `a` of longs, and whose exports go as told, one after another. */
export class FakeService {
  readonly commands: string[] = []
  readonly warnings: string[] = []
  readonly infos: string[] = []
  readonly #storage: FakeStorage
  readonly #exports: FakeExport[]
  readonly #running = new Map<string, { readonly export: FakeExport; readonly prefix: string; polls: number }>()
  readonly #pools: DecodePool[] = []

  constructor(storage: FakeStorage, exports: readonly FakeExport[]) {
    this.#storage = storage
    this.#exports = [...exports]
  }

  /** Command texts without the exported query and secrets: their first words. */
  get verbs(): readonly string[] {
    return this.commands.map((text) => /^\.\w+( \w+)?/.exec(text)?.[0] ?? text)
  }

  context(): SourceContext {
    const sweeps = new Sweeps()
    const signed = (): ReturnType<typeof parseContainerUrl> =>
      parseContainerUrl(`${this.#storage.container}?sv=1&sig=${this.#storage.signature}`)
    return {
      cluster: 'https://fake.kusto.windows.net',
      database: 'db',
      query: () => Promise.resolve(bytesOf(getschemaAnswer())),
      command: async (csl) => this.#run(csl.text),
      sweeps: { start: () => undefined, remove: (work, options) => sweeps.remove(work, options) },
      exportStorage: () => ({
        targets: () => {
          const location = signed()
          return Promise.resolve([{ location, connectionString: `${location.url}?sig=secret` }])
        },
        renew: () => Promise.resolve([signed()]),
      }),
      decodePool: () => this.#pool(),
      ownPool: () => this.#pool(),
      exportCache: new ReadCache<DistributedRead>(() => undefined),
      log: { info: (message) => void this.infos.push(message), warning: (message) => void this.warnings.push(message) },
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()))
  }

  #pool(): DecodePool {
    const pool = this.#pools[0] ?? new DecodePool(1)
    this.#pools[0] = pool
    return pool
  }

  async #run(text: string): Promise<readonly CommandRow[]> {
    this.commands.push(text)
    if (text.startsWith('.export')) {
      const next = this.#exports.shift()
      if (next === undefined) throw new Error('no export was prepared')
      const id = `00000000-0000-0000-0000-${String(this.#running.size).padStart(12, '0')}`
      this.#running.set(id, { export: next, prefix: /namePrefix="([^"]+)"/.exec(text)?.[1] ?? '', polls: 0 })
      return [row({ OperationId: id })]
    }
    const running = this.#running.get(/[0-9a-f-]{36}/.exec(text)?.[0] ?? '')
    if (running === undefined) throw new Error(`no such operation in ${text}`)
    if (text.startsWith('.cancel')) return []
    if (text.includes('details')) {
      const blobs = running.export.blobs ?? []
      return Promise.all(blobs.map((blob, index) => this.#store(blob, `${running.prefix}_${index}.parquet`)))
    }
    const states = running.export.states
    const { state, status = '', shouldRetry = false } = states[Math.min(running.polls++, states.length - 1)]!
    // What is written before a failure stays.
    if (state !== 'Completed') this.#storage.blobs.set(`${running.prefix}_partial.parquet`, new Uint8Array(1))
    else this.#storage.blobs.delete(`${running.prefix}_partial.parquet`)
    return [row({ State: state, Status: status, ShouldRetry: shouldRetry })]
  }

  async #store(blob: FakeBlob, name: string): Promise<CommandRow> {
    const bytes = blob.bytes ?? (await parquetOf(blob.rows))
    this.#storage.blobs.set(name, bytes)
    const said = blob.said ?? blob.rows
    const path = blob.path ?? `${this.#storage.container}/${name}`
    return row({
      Path: path,
      NumRecords: typeof said === 'number' ? BigInt(said) : said,
      SizeInBytes: BigInt(bytes.length),
    })
  }
}

/** A Parquet file with a column `a` of longs, in row groups of 10. */
export async function parquetOf(rows: number): Promise<Uint8Array> {
  const parquet = await import('parquet-wasm')
  const table = tableFromArrays({ a: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i)) })
  const properties = new parquet.WriterPropertiesBuilder().setMaxRowGroupSize(10).build()
  return parquet.writeParquet(parquet.Table.fromIPCStream(tableToIPC(table, 'stream')), properties)
}

function row(cells: Readonly<Record<string, CommandCell>>): CommandRow {
  return new CommandRow(Object.values(cells), new Map(Object.keys(cells).map((name, index) => [name, index])))
}

function getschemaAnswer(): string {
  const column = (ColumnName: string): object => ({ ColumnName, ColumnType: 'string' })
  return JSON.stringify([
    { FrameType: 'DataSetHeader', IsProgressive: false, Version: 'v2.0' },
    {
      FrameType: 'DataTable',
      TableId: 1,
      TableKind: 'PrimaryResult',
      TableName: 'PrimaryResult',
      Columns: [column('ColumnName'), column('ColumnType')],
      Rows: [['a', 'long']],
    },
    { FrameType: 'DataSetCompletion', HasErrors: false, Cancelled: false },
  ])
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}
