import { request } from 'node:http'
import { gunzipSync } from 'node:zlib'

export interface RestAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The body after inflating. */
  readonly text: string
  /** Bytes as they came. */
  readonly bytes: Buffer
  /** False when the connection was cut before the end. */
  readonly complete: boolean
}

export interface RestRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly signal?: AbortSignal
}

/** Sends one request on a connection of its own. Rejects only when no answer began. */
export function rest(url: string, options: RestRequest = {}): Promise<RestAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
      headers: { 'Content-Type': 'application/json', ...options.headers },
      agent: false,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const parts: Buffer[] = []
      const done = (): void => {
        const bytes = Buffer.concat(parts)
        const { complete } = response
        const zipped = response.headers['content-encoding'] === 'gzip'
        const text = complete && zipped ? gunzipSync(bytes).toString('utf8') : bytes.toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, bytes, complete })
      }
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', () => undefined)
      response.on('close', done)
    })
    outgoing.end(options.body)
  })
}

export interface QueryOptions {
  readonly options?: Readonly<Record<string, unknown>>
  readonly parameters?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly database?: string
  readonly path?: string
  readonly signal?: AbortSignal
}

/** Posts a query or command the way the official clients do. */
export function post(cluster: string, text: string, options: QueryOptions = {}): Promise<RestAnswer> {
  const properties = { Options: options.options ?? {}, Parameters: options.parameters ?? {} }
  return rest(`${cluster}${options.path ?? '/v2/rest/query'}`, {
    body: JSON.stringify({ db: options.database ?? 'db1', csl: text, properties }),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
}

export interface Frame {
  readonly FrameType: string
  readonly TableKind?: string
  readonly TableName?: string
  readonly TableId?: number
  readonly Columns?: readonly { readonly ColumnName: string; readonly ColumnType: string }[]
  readonly Rows?: readonly unknown[]
  readonly [key: string]: unknown
}

export function framesOf(answer: RestAnswer): readonly Frame[] {
  return JSON.parse(answer.text) as readonly Frame[]
}

/** Rows of the only primary result, whatever the layout. */
export function primaryRows(frames: readonly Frame[]): readonly unknown[] {
  const ids = new Set(frames.filter(({ TableKind }) => TableKind === 'PrimaryResult').map(({ TableId }) => TableId))
  return frames.filter(({ TableId }) => ids.has(TableId)).flatMap(({ Rows }) => Rows ?? [])
}

interface OneApiError {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly '@type': string
    readonly '@message': string
    readonly '@permanent': boolean
    readonly '@context': Readonly<Record<string, unknown>>
    readonly innererror?: { readonly code: string }
  }
}

export function errorOf(answer: RestAnswer): OneApiError['error'] {
  return (JSON.parse(answer.text) as OneApiError).error
}
