import type { TokenCredential } from '@azure/core-auth'
import { describe, expect, it } from 'vitest'
import { KustoAuthError } from '../../src/errors.ts'
import { ingestionStorage } from '../../src/sink/ingestion-storage.ts'
import type { IngestionStorage } from '../../src/sink/ingestion-storage.ts'
import type { IngestionAccess } from '../../src/sink/ingestion-access.ts'
import { openStaging } from '../../src/sink/staging-area.ts'
import type { StagingArea, StagingOptions } from '../../src/sink/staging-area.ts'
import { writeSettings } from '../../src/sink/write-settings.ts'
import { blobIn } from '../../src/storage/storage-location.ts'
import { UserDelegation } from '../../src/storage/user-delegation.ts'
import { writeBlob } from '../../src/storage/write-blob.ts'
import { uploadServer } from '../storage/upload-server.ts'

const KEY = Buffer.alloc(64, 7).toString('base64')
const ID = '33333333-3333-3333-3333-333333333333'
const NOW = Date.parse('2026-01-01T00:00:00Z')

class Tokens implements TokenCredential {
  readonly scopes: string[] = []

  getToken(scopes: string | string[]): Promise<{ token: string; expiresOnTimestamp: number }> {
    this.scopes.push(String(scopes))
    return Promise.resolve({ token: 'storage-token', expiresOnTimestamp: Date.now() + 3_600_000 })
  }
}

const NO_SERVICE = new Proxy({} as IngestionAccess, {
  get: () => () => Promise.reject(new Error('expected own storage only')),
})

function area(
  storage: IngestionStorage | readonly IngestionStorage[],
  given: Partial<StagingOptions> & { readonly deleteIngestedBlobs?: boolean } = {},
): StagingArea {
  const { deleteIngestedBlobs, ...options } = given
  const settings = writeSettings({
    ingestionStorage: storage,
    ...(deleteIngestedBlobs === undefined ? {} : { deleteIngestedBlobs }),
  })
  return openStaging(settings, 'rest', {
    ingestion: NO_SERVICE,
    credential: new Tokens(),
    trust: {},
    delegation: new UserDelegation({ now: () => NOW }),
    ...options,
  })
}

async function told(storage: IngestionStorage, name = 'a b/c.parquet'): Promise<{ url: string; told: string }> {
  const opened = area(storage)
  const [place] = await opened.places(undefined)
  if (place === undefined) throw new Error('no place')
  const blob = blobIn(place, name)
  return { url: blob.url, told: await opened.connectionString(blob, undefined) }
}

describe('spark:W21 own ingestion storage', () => {
  const box = 'https://acct.blob.core.windows.net/box'

  it.each<[IngestionStorage, string]>([
    [{ kind: 'sas', url: `${box}?sv=1&sig=x%3D` }, `${box}/a%20b/c.parquet?sv=1&sig=x%3D`],
    [{ kind: 'sas', url: `${box}/folder/`, sas: '?sig=x' }, `${box}/folder/a%20b/c.parquet?sig=x`],
    [{ kind: 'account-key', account: 'acct', container: 'box', key: KEY }, `${box}/a%20b/c.parquet;${KEY}`],
    [{ kind: 'managed-identity', url: box }, `${box}/a%20b/c.parquet;managed_identity=system`],
    [{ kind: 'managed-identity', url: box, identity: ID }, `${box}/a%20b/c.parquet;managed_identity=${ID}`],
    [
      { kind: 'onelake', url: 'abfss://ws@onelake.dfs.fabric.microsoft.com/Lake.Lakehouse/Files/in' },
      'https://onelake.dfs.fabric.microsoft.com/ws/Lake.Lakehouse/Files/in/a%20b/c.parquet;impersonate',
    ],
    [
      { kind: 'onelake', url: 'https://onelake.dfs.fabric.microsoft.com/ws/Lake.Lakehouse/Files', identity: 'system' },
      'https://onelake.dfs.fabric.microsoft.com/ws/Lake.Lakehouse/Files/a%20b/c.parquet;managed_identity=system',
    ],
  ])('tells the service how to read a blob, %j', async (storage, expected) => {
    expect((await told(storage)).told).toBe(expected)
  })

  it('opens OneLake by its blob endpoint', async () => {
    const { url } = await told({ kind: 'onelake', url: 'https://onelake.dfs.fabric.microsoft.com/ws/Lake/Files' })
    expect(url).toBe('https://onelake.blob.fabric.microsoft.com/ws/Lake/Files/a%20b/c.parquet')
  })

  it.each<[unknown, RegExp]>([
    [{ kind: 'ftp', url: box }, /kind service, account-key, sas, user-delegation/],
    [{ kind: 'sas', url: box }, /sig=/],
    [{ kind: 'user-delegation', url: `${box}?sig=x` }, /an identity or a signature/],
    [{ kind: 'managed-identity', url: box, identity: 'me' }, /system or an object id/],
    [{ kind: 'managed-identity' }, /url with managed-identity, found none/],
    [{ kind: 'impersonate', url: box }, /kind service/],
    [{ kind: 'service', url: box }, /found url/],
    [[], /at least one/],
    [[{ kind: 'service' }, { kind: 'sas', url: `${box}?sig=x` }], /one kind/],
    [
      [
        { kind: 'sas', url: `${box}?sig=x` },
        { kind: 'sas', url: `${box}/?sig=y` },
      ],
      /different places/,
    ],
  ])('refuses %j', (storage, message) => {
    expect(() => ingestionStorage(storage as IngestionStorage)).toThrow(message)
  })

  it('keeps blobs unless asked to delete them; the service deletes in its own containers', () => {
    expect(writeSettings({}).deleteIngestedBlobs).toBe(true)
    const own: IngestionStorage = { kind: 'managed-identity', url: box }
    expect(writeSettings({ ingestionStorage: own }).deleteIngestedBlobs).toBe(false)
    expect(writeSettings({ ingestionStorage: own, deleteIngestedBlobs: true }).deleteIngestedBlobs).toBe(true)
  })

  it('sends no token to a host that is not storage, before anything is sent', () => {
    const credential = new Tokens()
    for (const kind of ['managed-identity', 'user-delegation'] as const) {
      expect(() => area({ kind, url: 'https://storage.example.com/box' }, { credential })).toThrow(KustoAuthError)
      expect(() => area({ kind, url: 'http://127.0.0.1:1/account/box' }, { credential })).toThrow(KustoAuthError)
    }
    expect(credential.scopes).toEqual([])
  })

  it('writes with the credential, and tells the service a signature for one blob, to read it, for a day', async () => {
    await using server = await uploadServer()
    const credential = new Tokens()
    const storage: IngestionStorage = { kind: 'user-delegation', url: `${server.url}/box/in` }
    const opened = area(storage, { credential, trust: { allowTokenToLoopback: true } })
    const [place] = await opened.places(undefined)
    if (place === undefined) throw new Error('no place')
    const blob = blobIn(place, 'c.parquet')
    await writeBlob(blob, [Buffer.from('rows')])
    const signed = await Promise.all([
      opened.connectionString(blob, undefined),
      opened.connectionString(blob, undefined),
    ])
    const url = new URL(signed[0] ?? '')
    expect(`${url.origin}${url.pathname}`).toBe(`${server.url}/box/in/c.parquet`)
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      sr: 'b',
      sp: 'r',
      se: '2026-01-02T00:00:00Z',
      st: '2025-12-31T23:55:00Z',
      skoid: '11111111-1111-1111-1111-111111111111',
    })
    expect(server.requests.every(({ authorization }) => authorization === 'Bearer storage-token')).toBe(true)
    // One key for both signatures.
    expect(server.requests.filter(({ comp }) => comp === 'userdelegationkey')).toHaveLength(1)
    const deleting = area(storage, { trust: { allowTokenToLoopback: true }, deleteIngestedBlobs: true })
    expect(new URL(await deleting.connectionString(blob, undefined)).searchParams.get('sp')).toBe('rd')
  })

  it('renews the delegated key before a signature would outlive it', async () => {
    await using server = await uploadServer()
    let now = NOW
    const delegation = new UserDelegation({ now: () => now })
    const opened = area(
      { kind: 'user-delegation', url: `${server.url}/box` },
      { delegation, trust: { allowTokenToLoopback: true } },
    )
    const [place] = await opened.places(undefined)
    if (place === undefined) throw new Error('no place')
    const sign = async (): Promise<void> => void (await opened.connectionString(blobIn(place, 'x'), undefined))
    await sign()
    now += 23 * 3_600_000
    await sign()
    expect(server.requests).toHaveLength(1)
    now += 3_600_000
    await sign()
    expect(server.requests).toHaveLength(2)
  })

  it('reports a credential that may not delegate', async () => {
    await using server = await uploadServer()
    server.faultFor = () => ({ kind: 'status', status: 403, code: 'AuthorizationPermissionMismatch' })
    const opened = area(
      { kind: 'user-delegation', url: `${server.url}/box` },
      { trust: { allowTokenToLoopback: true } },
    )
    const [place] = await opened.places(undefined)
    if (place === undefined) throw new Error('no place')
    await expect(opened.connectionString(blobIn(place, 'x'), undefined)).rejects.toMatchObject({
      code: 'KUSTO_STORAGE_DENIED',
    })
  })
})
