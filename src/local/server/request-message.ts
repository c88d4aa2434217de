import type { Exchange } from './exchange.ts'
import { LocalError } from './local-error.ts'

/** The content of a query or management request. */
export interface RequestMessage {
  readonly text: string
  readonly database: string
  readonly options: ReadonlyMap<string, unknown>
  /** Declared query parameters: name to literal text, or plain text for strings. */
  readonly parameters: ReadonlyMap<string, string>
}

const MAX_BODY_BYTES = 32 * 1024 * 1024

/**
 * Reads `csl`, `db` and `properties` from the body (POST) or from the query string (GET). `properties` is an object in
 * some clients and a JSON string holding that object in others.
 *
 * @throws {LocalError} 400 when the body is not such a message
 */
export async function readRequestMessage(exchange: Exchange): Promise<RequestMessage> {
  if (exchange.method === 'GET') {
    const { parameters } = exchange
    return message(
      { csl: parameters.get('csl'), db: parameters.get('db'), properties: parameters.get('properties') },
      parameters.get('properties') ?? '',
    )
  }
  const json = (await exchange.readBody(MAX_BODY_BYTES)).toString('utf8')
  return message(parseObject(json, 'the request body'), json)
}

function message(body: Readonly<Record<string, unknown>>, json: string): RequestMessage {
  const { csl, db } = body
  if (typeof csl !== 'string' || csl.trim() === '') throw badMessage("'csl' must hold the text of a query or command")
  if (db !== undefined && db !== null && typeof db !== 'string') throw badMessage("'db' must be text")
  const properties = readProperties(body['properties'])
  return {
    text: csl,
    database: typeof db === 'string' && db !== '' ? db : 'NetDefaultDB',
    options: new Map(
      Object.entries(readObject(properties['Options'], 'Options')).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    parameters: new Map(
      Object.entries(readObject(properties['Parameters'], 'Parameters')).map(([name, value]) => [
        name,
        parameterText(name, value, json),
      ]),
    ),
  }
}

function readProperties(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'string') return readObject(value, 'properties')
  return value.trim() === '' ? {} : parseObject(value, "'properties'")
}

function readObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw badMessage(`'${name}' must be an object`)
  return value as Readonly<Record<string, unknown>>
}

function parseObject(json: string, what: string): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch (cause) {
    throw new LocalError('BadRequest', `${what} is not JSON`, { cause })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw badMessage(`${what} must be a JSON object`)
  }
  return parsed as Readonly<Record<string, unknown>>
}

function parameterText(name: string, value: unknown, json: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    // JSON.parse has rounded a long beyond 2^53: take its digits from the text.
    const quoted = JSON.stringify(name).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    return new RegExp(`\\\\?${quoted.slice(0, -1)}\\\\?"\\s*:\\s*(-?\\d+)\\s*[,}]`).exec(json)?.[1] ?? String(value)
  }
  if (value === null) return 'null'
  return JSON.stringify(value)
}

function badMessage(text: string): LocalError {
  return new LocalError('BadRequest', text)
}
