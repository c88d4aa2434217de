import type { TokenCredential } from '@azure/core-auth'
import { describe, expect, it } from 'vitest'
import { TokenSource } from '../../src/auth/token-source.ts'
import { Cached } from '../../src/base/cached.ts'
import { deleteDirectory } from '../../src/index.ts'
import { openExportStorage } from '../../src/source/export-storage.ts'
import type { ExportStorageOptions } from '../../src/source/export-storage.ts'
import { transientStorage } from '../../src/source/transient-storage.ts'
import type { TransientStorage } from '../../src/source/transient-storage.ts'
import { readBlob } from '../../src/storage/read-blob.ts'
import { blobAt } from '../../src/storage/storage-location.ts'
import type { StorageLocation } from '../../src/storage/storage-location.ts'
import { blobServer } from '../storage/blob-server.ts'

const content = new Uint8Array(5 * 1024 * 1024).fill(3)
const NOW = Date.parse('2026-01-01T00:00:00Z')
const onBox = (sas: string): StorageLocation => ({
  url: 'https://acct.blob.core.windows.net/box',
  access: { kind: 'sas', sas },
})

class Tokens implements TokenCredential {
  readonly scopes: string[] = []

  getToken(scopes: string | string[]): Promise<{ token: string; expiresOnTimestamp: number }> {
    this.scopes.push(String(scopes))
    return Promise.resolve({ token: `storage-token-${this.scopes.length}`, expiresOnTimestamp: Date.now() + 3_600_000 })
  }
}

function options(given: Partial<ExportStorageOptions> = {}): ExportStorageOptions {
  const service = new Cached(() => Promise.resolve([]), { maxAgeMs: 1e9, timeoutMs: 1000 })
  return { service, credential: new Tokens(), trust: {}, clock: () => NOW, ...given }
}

/** Gives the answers one after another, the last again and again. */
function serviceOf(answers: readonly (readonly StorageLocation[])[]): {
  cached: Cached<readonly StorageLocation[]>
  asked: () => number
} {
  let asked = 0
  const cached = new Cached(
    () => {
      asked++
      return Promise.resolve(answers[Math.min(asked, answers.length) - 1] ?? [])
    },
    { maxAgeMs: 1e9, timeoutMs: 1000 },
  )
  return { cached, asked: () => asked }
}

describe('spark:R16 service containers', () => {
  it('are asked for again when a signature is near its end, and kept while it is not', async () => {
    const soon = onBox('se=2026-01-01T00%3A10%3A00Z&sig=soon')
    const late = onBox('se=2026-01-01T08%3A00%3A00Z&sig=late')
    const { cached, asked } = serviceOf([[soon], [late]])
    const storage = openExportStorage({ kind: 'service' }, options({ service: cached }))
    for (let call = 0; call < 3; call++) {
      const [target] = await storage.targets(undefined)
      expect(target).toEqual({ location: late, connectionString: `${late.url}?se=2026-01-01T08%3A00%3A00Z&sig=late` })
    }
    expect(asked()).toBe(2)
  })

  it('are asked for again after a refusal, and a blob is signed anew by its container', async () => {
    const { cached, asked } = serviceOf([[onBox('sig=old')], [onBox('sig=new')]])
    const storage = openExportStorage({ kind: 'service' }, options({ service: cached }))
    const [target] = await storage.targets(undefined)
    const blob = blobAt(`${target?.location.url}/dir/part%201.parquet`, [onBox('sig=old')])
    const renewed = blobAt(blob?.url ?? '', await storage.renew(undefined))
    expect(renewed).toEqual({ url: `${onBox('').url}/dir/part%201.parquet`, access: { kind: 'sas', sas: 'sig=new' } })
    expect(asked()).toBe(2)
  })

  it('are found by a blob of another endpoint or spelling, and not by their neighbours', () => {
    const box = [onBox('sig=x')]
    expect(blobAt('https://acct.dfs.core.windows.net/box/a%20b?sv=1', box)?.url).toBe(`${onBox('').url}/a%20b`)
    expect(blobAt('https://acct.blob.core.windows.net/box/a b;impersonate', box)?.url).toBe(`${onBox('').url}/a%20b`)
    for (const outside of ['/box', '/boxes/a', '/other/box/a', '/box/../other/a', '/box/%2e%2e/other']) {
      expect(blobAt(`https://acct.blob.core.windows.net${outside}`, box)).toBeUndefined()
    }
    expect(blobAt('https://evil.blob.core.windows.net/box/a', box)).toBeUndefined()
  })
})

/**
 * No storage on this machine knows identities, so what is read back is a blob of a plain server, which records what it is
 * sent. `allowTokenToLoopback`, the connector's own option, lets the token go there; everything else is as on a cluster.
 */
describe('spark:R14 storage opened by identity', () => {
  const kinds = ['impersonate', 'managed-identity'] as const

  it.each(kinds)('is read back with a token for storage: %s', async (kind) => {
    await using server = await blobServer(content)
    const credential = new Tokens()
    const settings = transientStorage({ kind, url: server.url.replace(/\/blob$/, '') })
    const storage = openExportStorage(settings, options({ credential, trust: { allowTokenToLoopback: true } }))
    const [target] = await storage.targets(undefined)
    const blob = blobAt(server.url, target === undefined ? [] : [target.location])
    expect(blob === undefined ? 0 : (await readBlob(blob)).length).toBe(content.length)
    expect(server.authorizations).toEqual(['Bearer storage-token-1', 'Bearer storage-token-1'])
    expect(credential.scopes).toEqual(['https://storage.azure.com/.default'])
    expect(target?.connectionString).not.toContain('token')
  })

  it('reports a credential that gives no token as such, without asking storage', async () => {
    await using server = await blobServer(content)
    const credential: TokenCredential = { getToken: () => Promise.reject(new Error('no sign-in here')) }
    const location: StorageLocation = { url: server.url, access: { kind: 'credential', credential } }
    await expect(readBlob(location)).rejects.toMatchObject({ name: 'KustoAuthError', code: 'KUSTO_NO_TOKEN' })
    expect(server.requests).toEqual([])
  })

  it.each([
    ['http://127.0.0.1:1/account/box', 'KUSTO_TOKEN_TO_LOOPBACK'],
    ['https://storage.example.com/box', 'KUSTO_UNTRUSTED_HOST'],
    ['https://blob.core.windows.net.evil.com/box', 'KUSTO_UNTRUSTED_HOST'],
    ['https://evilblob.core.windows.net/box', 'KUSTO_UNTRUSTED_HOST'],
  ])('sends no token to %s', (url, code) => {
    const credential = new Tokens()
    expect(() => openExportStorage(transientStorage({ kind: 'impersonate', url }), options({ credential }))).toThrow(
      expect.objectContaining({ code }),
    )
    expect(credential.scopes).toEqual([])
  })

  it.each([
    { kind: 'impersonate', url: 'https://acct.blob.core.windows.net/box' },
    { kind: 'impersonate', url: 'https://acct.z5.blob.storage.azure.net/box' },
    { kind: 'impersonate', url: 'https://acct.dfs.core.usgovcloudapi.net/box' },
    { kind: 'onelake', url: 'https://onelake.dfs.fabric.microsoft.com/ws/item/path' },
    { kind: 'onelake', url: 'https://westus-onelake.dfs.fabric.microsoft.com/ws/item/path' },
  ] satisfies readonly TransientStorage[])('trusts $url', (storage) => {
    expect(() => openExportStorage(transientStorage(storage), options())).not.toThrow()
  })

  it('trusts hosts the caller lists', () => {
    const settings = transientStorage({ kind: 'impersonate', url: 'https://storage.example.com/box' })
    expect(() => openExportStorage(settings, options({ trust: { trustedHosts: ['.example.com'] } }))).not.toThrow()
  })
})

describe('the credential of a connector', () => {
  const fetch = (): Promise<never> => Promise.reject(new Error('nothing should be fetched'))

  it('is the Azure credential that was given', async () => {
    const credential = new Tokens()
    const tokens = new TokenSource({ auth: { kind: 'credential', credential }, fetch })
    const token = await tokens.azureCredential('https://help.kusto.windows.net').getToken('scope')
    expect([token?.token, credential.scopes]).toEqual(['storage-token-1', ['scope']])
  })

  it('is none where the caller gave a token for Kusto alone', async () => {
    const tokens = new TokenSource({ auth: { kind: 'token', token: 'kusto' }, fetch })
    await expect(tokens.azureCredential('https://help.kusto.windows.net').getToken('scope')).rejects.toMatchObject({
      code: 'KUSTO_NO_AZURE_CREDENTIAL',
    })
  })
})

describe('spark:R22 deleteDirectory', () => {
  const storage = { kind: 'impersonate', url: 'https://acct.blob.core.windows.net/box' } as const

  it.each(['', '/', '//', 'a//b', '.', 'a/..', '../b'])(
    'refuses %j as a directory before it asks anybody',
    async (directory) => {
      await expect(deleteDirectory({ storage, directory })).rejects.toMatchObject({ code: 'KUSTO_BAD_DIRECTORY' })
    },
  )

  it('refuses the containers of the service, unknown options and ages that are none', async () => {
    const bad = [
      { storage: { kind: 'service' }, directory: 'a' },
      { storage, directory: 'a', dryrun: true },
      { storage, directory: 'a', olderThanMs: -1 },
    ]
    for (const one of bad) await expect(deleteDirectory(one as never)).rejects.toThrow(/expected/)
  })

  it('needs a credential where an identity opens the storage, and returns its failure', async () => {
    const { removed, failures } = await deleteDirectory({ storage, directory: 'a' })
    expect([removed, failures.map((failure) => (failure as { code: string }).code)]).toEqual([
      0,
      ['KUSTO_NO_AZURE_CREDENTIAL'],
    ])
  })

  it('asks with the token of the credential', async () => {
    await using server = await blobServer(content)
    await deleteDirectory({
      storage: { kind: 'impersonate', url: server.url.replace(/\/blob$/, '') },
      directory: 'left/over',
      credential: new Tokens(),
      allowTokenToLoopback: true,
    })
    expect(server.authorizations[0]).toBe('Bearer storage-token-1')
  })
})
