import { describe, expect, test } from 'vitest'
import { engineUrl, ingestionUrl, isLoopback, parseClusterUrl } from '../../src/protocol/cluster-url.ts'

describe('ingestion address', () => {
  test.each([
    ['https://c.westus.kusto.windows.net', 'https://ingest-c.westus.kusto.windows.net'],
    ['https://c.kusto.windows.net:444', 'https://ingest-c.kusto.windows.net:444'],
    ['https://my-ingest-cluster.kusto.windows.net', 'https://ingest-my-ingest-cluster.kusto.windows.net'],
    ['https://trd-x.z0.kusto.fabric.microsoft.com', 'https://ingest-trd-x.z0.kusto.fabric.microsoft.com'],
  ])('%s <-> %s', (engine, ingestion) => {
    expect(ingestionUrl(engine)).toBe(ingestion)
    expect(ingestionUrl(ingestion)).toBe(ingestion)
    expect(engineUrl(ingestion)).toBe(engine)
    expect(engineUrl(engine)).toBe(engine)
  })

  test.each([
    'http://localhost:8080',
    'http://127.0.0.1:8080',
    'http://10.0.0.5:8080',
    'http://[::1]:8080',
    'http://[fe80::1]:80',
  ])('%s plays both roles', (url) => {
    const { origin } = new URL(url)
    expect([ingestionUrl(url), engineUrl(url)]).toEqual([origin, origin])
  })
})

describe('parseClusterUrl', () => {
  test('adds https, drops slashes at the end, lowers the host', () => {
    expect(parseClusterUrl(' Help.Kusto.Windows.NET// ')).toEqual({
      origin: 'https://help.kusto.windows.net',
      database: undefined,
    })
  })

  test.each(['', 'https://', 'ftp://c', 'https://c?x=1', 'https://c#x', 'https://a b', 'https://c/%zz'])(
    '%j is refused',
    (text) => {
      expect(() => parseClusterUrl(text)).toThrow(expect.objectContaining({ code: 'KUSTO_BAD_CLUSTER' }))
    },
  )
})

test('every spelling of this machine is loopback, and nothing that only looks like it', () => {
  for (const url of [
    'http://localhost',
    'http://LOCALHOST',
    'http://127.1',
    'http://2130706433',
    'http://[::1]',
    'http://[0:0::1]',
  ]) {
    expect(isLoopback(new URL(url).hostname), url).toBe(true)
  }
  for (const url of [
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'http://notlocalhost',
    'http://10.0.0.1',
  ]) {
    expect(isLoopback(new URL(url).hostname), url).toBe(false)
  }
})
