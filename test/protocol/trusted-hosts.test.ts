import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkTrusted, checkTrustedByLogin } from '../../src/protocol/trusted-hosts.ts'

interface EndpointList {
  readonly AllowedEndpointsByLogin: Record<
    string,
    { readonly AllowedKustoSuffixes: readonly string[]; readonly AllowedKustoHostnames: readonly string[] }
  >
}

/** The list of the official client, as an independent witness. */
async function officialList(): Promise<EndpointList> {
  const packages = path.resolve(import.meta.dirname, '../../node_modules')
  const file = path.join(packages, 'azure-kusto-data/dist-esm/src/wellKnownKustoEndpoints.js')
  expect(readFileSync(file, 'utf8')).toContain('AllowedEndpointsByLogin')
  return ((await import(file)) as { default: EndpointList }).default
}

const refused = (code: string): unknown => expect.objectContaining({ name: 'KustoAuthError', code })

describe('trusted hosts', () => {
  test('are those of the official client, cloud by cloud', async () => {
    const { AllowedEndpointsByLogin: clouds } = await officialList()
    expect(Object.keys(clouds).length).toBe(8)
    for (const [login, { AllowedKustoSuffixes, AllowedKustoHostnames }] of Object.entries(clouds)) {
      for (const host of [...AllowedKustoSuffixes.map((suffix) => `c.eu${suffix}`), ...AllowedKustoHostnames]) {
        expect(() => checkTrusted(`https://${host}`)).not.toThrow()
        expect(() => checkTrustedByLogin(`https://${host}`, login), `${host} of ${login}`).not.toThrow()
      }
    }
  })

  test.each([
    'https://evil.example',
    'https://kusto.windows.net.evil.example',
    'https://evilkusto.windows.net',
    'https://c.kusto.windows.net.',
    'https://kusto.windows.net',
    'https://evil.example/.kusto.windows.net',
    'https://evil.example#.kusto.windows.net',
    'https://user@evil.example?.kusto.windows.net',
  ])('%s is not one', (url) => {
    expect(() => checkTrusted(url)).toThrow(refused('KUSTO_UNTRUSTED_HOST'))
  })

  test('case does not matter', () => {
    expect(() => checkTrusted('https://C.KUSTO.Windows.NET')).not.toThrow()
  })

  test('a cluster of one cloud may not send its callers to the login of another', () => {
    expect(() => checkTrustedByLogin('https://c.kusto.windows.net', 'https://login.microsoftonline.us')).toThrow(
      refused('KUSTO_UNTRUSTED_HOST'),
    )
    expect(() => checkTrustedByLogin('https://c.kusto.windows.net', 'https://login.evil.example')).toThrow(
      refused('KUSTO_UNTRUSTED_HOST'),
    )
    expect(() => checkTrustedByLogin('https://c.kusto.windows.net', 'https://login.microsoftonline.com/')).not.toThrow()
  })

  test('http is refused, for trusted and for added hosts', () => {
    expect(() => checkTrusted('http://c.kusto.windows.net')).toThrow(refused('KUSTO_INSECURE_URL'))
    expect(() => checkTrusted('http://mine.example', { trustedHosts: ['mine.example'] })).toThrow(
      refused('KUSTO_INSECURE_URL'),
    )
  })

  test('loopback needs the option, over https too', () => {
    for (const url of ['http://localhost:1', 'https://127.0.0.1', 'http://[::1]:9']) {
      expect(() => checkTrusted(url)).toThrow(refused('KUSTO_TOKEN_TO_LOOPBACK'))
      expect(() => checkTrusted(url, { allowTokenToLoopback: true })).not.toThrow()
    }
  })

  test('hosts can be added by name and by suffix', () => {
    const trust = { trustedHosts: ['Mine.example', '.corp.example'] }
    expect(() => checkTrusted('https://mine.example', trust)).not.toThrow()
    expect(() => checkTrusted('https://a.corp.example', trust)).not.toThrow()
    expect(() => checkTrusted('https://notmine.example', trust)).toThrow(refused('KUSTO_UNTRUSTED_HOST'))
    expect(() => checkTrusted('https://sub.mine.example', trust)).toThrow(refused('KUSTO_UNTRUSTED_HOST'))
  })
})
