import { Readable } from 'node:stream'
import { setLogLevel, AzureLogger } from '@azure/logger'
import { createHttpHeaders, type HttpClient, type PipelineRequest } from '@azure/core-rest-pipeline'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { TokenSource } from '../../src/auth/token-source.ts'
import type { Auth } from '../../src/auth/credential.ts'
import { KustoHttp } from '../../src/client/kusto-http.ts'
import { KustoRest } from '../../src/client/kusto-rest.ts'
import { VERSION } from '../../src/client/version.ts'

interface Recorded {
  readonly http: KustoHttp
  readonly sent: PipelineRequest[]
}

/** A cluster at any address, without a network. */
function recorded(cluster: string, auth: Auth, ingestionCluster?: string): Recorded {
  const sent: PipelineRequest[] = []
  const httpClient: HttpClient = {
    sendRequest: async (request) => {
      sent.push(request)
      return {
        request,
        status: 200,
        headers: createHttpHeaders(),
        readableStreamBody: Readable.from([Buffer.from('[]')]),
      }
    },
  }
  const tokens = new TokenSource({ auth, fetch: async () => ({ status: 404, body: '' }) })
  const rest = new KustoRest({
    cluster,
    tokens,
    httpClient,
    ...(ingestionCluster === undefined ? {} : { ingestionCluster }),
  })
  return { http: new KustoHttp(rest), sent }
}

const TOKEN: Auth = { kind: 'token', token: 'SECRETTOKEN' }
const OPTIONS = { database: 'db' }

describe('where a request goes', () => {
  test('the engine and the ingestion endpoint follow from either address', async () => {
    for (const cluster of ['https://c.kusto.windows.net', 'https://ingest-c.kusto.windows.net/db']) {
      const { http, sent } = recorded(cluster, TOKEN)
      await http.query('T', OPTIONS)
      await http.command('.get ingestion resources', { ...OPTIONS, endpoint: 'ingestion' })
      expect(sent.map(({ url }) => url)).toEqual([
        'https://c.kusto.windows.net/v2/rest/query',
        'https://ingest-c.kusto.windows.net/v1/rest/mgmt',
      ])
      expect(sent.map(({ headers }) => headers.get('authorization'))).toEqual([
        'Bearer SECRETTOKEN',
        'Bearer SECRETTOKEN',
      ])
    }
  })

  test('an ingestion address of its own is checked for trust like the other', async () => {
    const { http, sent } = recorded('https://c.kusto.windows.net', TOKEN, 'https://evil.example')
    await expect(http.command('.show version', { ...OPTIONS, endpoint: 'ingestion' })).rejects.toMatchObject({
      code: 'KUSTO_UNTRUSTED_HOST',
    })
    expect(sent).toEqual([])
  })

  test('without a token any address is asked, and no Authorization header is made', async () => {
    const { http, sent } = recorded('http://kusto.example:8080', { kind: 'anonymous' })
    await http.query('T', OPTIONS)
    expect(sent[0]?.headers.has('authorization')).toBe(false)
  })
})

describe('what a request carries', () => {
  test('the client waits 30 seconds longer than the service works', async () => {
    const { http, sent } = recorded('https://c.kusto.windows.net', TOKEN)
    await http.query('T', OPTIONS)
    await http.query('T', { ...OPTIONS, properties: { servertimeout: 60_000 } })
    await http.query('T', { ...OPTIONS, properties: { norequesttimeout: true } })
    await http.command('.show tables', OPTIONS)
    expect(sent.map(({ timeout }) => timeout)).toEqual([270_000, 90_000, 3_630_000, 630_000])
  })

  test('the caller can change the options a query is sent with', async () => {
    const { http, sent } = recorded('https://c.kusto.windows.net', TOKEN)
    await http.query('T', { ...OPTIONS, properties: { results_v2_fragment_primary_tables: false, notruncation: true } })
    expect(JSON.parse(sent[0]?.body as string)).toMatchObject({
      properties: { Options: { results_v2_fragment_primary_tables: false, notruncation: true } },
    })
  })

  test('header values cannot break the header', async () => {
    const { http, sent } = recorded('https://c.kusto.windows.net', TOKEN)
    await http.query('T', { ...OPTIONS, clientRequestId: 'a\r\nx-evil: 1;ü' })
    expect(sent[0]?.headers.get('x-ms-client-request-id')).toBe('a??x-evil: 1;?')
  })

  test('the version is that of the package', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(VERSION).toBe(manifest.version)
  })
})

describe('the log', () => {
  const usual = AzureLogger.log
  afterEach(() => {
    AzureLogger.log = usual
    setLogLevel(undefined)
  })

  test('names requests and holds no secret', async () => {
    const lines: string[] = []
    AzureLogger.log = (...args: unknown[]) => void lines.push(args.join(' '))
    setLogLevel('verbose')
    const { http } = recorded('https://c.kusto.windows.net', TOKEN)
    await http.query('T | where Key == "AppKey=SECRET"', { ...OPTIONS, clientRequestId: 'KAC.x;1 AppKey=SECRET' })
    expect(lines.join('\n')).toContain('KAC.x;1')
    expect(lines.join('\n')).not.toContain('SECRET')
  })
})
