import { describe, expect, it } from 'vitest'
import { exportCommand } from '../../src/kql/commands/export-commands.ts'
import { kql } from '../../src/kql/kql.ts'
import { transientStorage } from '../../src/source/transient-storage.ts'
import type { TransientStorage } from '../../src/source/transient-storage.ts'
import type { OwnStorage } from '../../src/storage/own-storage.ts'
import { loadMicrosoftParser } from '../kql/microsoft-parser.ts'

const KEY = Buffer.alloc(64, 7).toString('base64')
const SAS = 'sv=2025-01-05&se=2030-01-01T00%3A00%3A00Z&sr=c&sp=rwdl&sig=abc%2Bdef%3D'
const BLOB = 'https://acct.blob.core.windows.net/box'
const parser = loadMicrosoftParser()

function own(option: TransientStorage | readonly TransientStorage[]): readonly OwnStorage[] {
  const settings = transientStorage(option)
  return settings.kind === 'own' ? settings.entries : []
}

const one = (option: TransientStorage): OwnStorage | undefined => own(option)[0]

/** The command as the service gets it, and the connection strings that Microsoft's parser finds in it. */
function exported(option: TransientStorage | readonly TransientStorage[]): {
  text: string
  strings: readonly string[]
} {
  const text = exportCommand({
    format: 'parquet',
    to: own(option).map((entry) => entry.connectionString),
    query: kql`print x = 1`,
  }).inlined
  const parsed = parser.parse(text)
  expect(parsed.diagnostics).toEqual([])
  return { text, strings: parsed.strings }
}

describe('spark:R12 account key', () => {
  it('takes account, container and key, and tells the service all three in an obfuscated literal', () => {
    const storage = { kind: 'account-key', account: 'acct', container: 'box/deep/er', key: KEY } as const
    expect(one(storage)).toEqual({
      url: `${BLOB}/deep/er`,
      connectionString: `${BLOB}/deep/er;${KEY}`,
      access: { kind: 'account-key', accountName: 'acct', accountKey: KEY },
    })
    const { text, strings } = exported(storage)
    expect(strings).toEqual([`${BLOB}/deep/er;${KEY}`])
    expect(text).toMatch(/\(h["'@]/)
  })

  it('takes a url instead, with the container in it or beside it, and another cloud', () => {
    expect(one({ kind: 'account-key', url: BLOB, key: KEY })?.url).toBe(BLOB)
    expect(
      one({ kind: 'account-key', url: 'https://acct.blob.core.windows.net/', container: 'box', key: KEY })?.url,
    ).toBe(BLOB)
    expect(
      one({ kind: 'account-key', account: 'acct', container: 'box', key: KEY, endpointSuffix: 'core.chinacloudapi.cn' })
        ?.url,
    ).toBe('https://acct.blob.core.chinacloudapi.cn/box')
    expect(one({ kind: 'account-key', url: 'http://127.0.0.1:10000/devacct/box', key: KEY })?.access).toMatchObject({
      accountName: 'devacct',
    })
  })

  it.each([
    [{ kind: 'account-key', account: 'Bad_Name', container: 'box', key: KEY }, /account name/],
    [{ kind: 'account-key', account: 'acct', container: '', key: KEY }, /container/],
    [{ kind: 'account-key', account: 'acct', container: 'box', key: 'not base64!' }, /base64/],
    [{ kind: 'account-key', account: 'acct', container: 'box' }, /key with account-key, found none/],
    [{ kind: 'account-key', container: 'box', key: KEY }, /account with account-key, found none/],
    [{ kind: 'account-key', url: BLOB, account: 'acct', key: KEY }, /both/],
    [{ kind: 'account-key', url: `${BLOB}?${SAS}`, key: KEY }, /found both/],
    [{ kind: 'account-key', account: 'acct', container: 'box', key: KEY, endpointSuffix: 'evil/..' }, /endpointSuffix/],
  ])('refuses %j', (storage, message) => {
    expect(() => transientStorage(storage as TransientStorage)).toThrow(message)
  })
})

describe('spark:R13 shared access signature', () => {
  it('needs the URL alone', () => {
    expect(one({ kind: 'sas', url: `${BLOB}?${SAS}` })).toEqual({
      url: BLOB,
      connectionString: `${BLOB}?${SAS}`,
      access: { kind: 'sas', sas: SAS },
    })
  })

  it.each([SAS, `?${SAS}`])('takes the signature beside the URL, with and without question mark', (sas) => {
    expect(one({ kind: 'sas', url: BLOB, sas })?.connectionString).toBe(`${BLOB}?${SAS}`)
  })

  it('spreads an export over several containers of one kind', () => {
    const other = 'https://second.z22.blob.storage.azure.net/box2/dir'
    const { strings } = exported([
      { kind: 'sas', url: `${BLOB}?${SAS}` },
      { kind: 'sas', url: other, sas: SAS },
    ])
    expect(strings).toEqual([`${BLOB}?${SAS}`, `${other}?${SAS}`])
  })

  it.each([
    [{ kind: 'sas', url: BLOB }, /found none/],
    [{ kind: 'sas', url: `${BLOB}?${SAS}`, sas: SAS }, /found two/],
    [{ kind: 'sas', url: `https://acct.blob.core.windows.net?${SAS}` }, /container/],
    [{ kind: 'sas', url: `http://acct.blob.core.windows.net/box?${SAS}` }, /expected https/],
    [{ kind: 'sas', url: `ftp://acct/box?${SAS}` }, /expected https/],
    [{ kind: 'sas', url: `https://me:pw@acct.blob.core.windows.net/box?${SAS}` }, /without user/],
    [{ kind: 'sas', url: 'nonsense' }, /not a URL/],
    [{ kind: 'sas', url: `${BLOB}/a/../b?${SAS}` }, /no \. or \.\./],
    [{ kind: 'sas', url: `${BLOB}/a//b?${SAS}` }, /empty segment/],
    [{ kind: 'sas', url: BLOB, sas: `${SAS};impersonate` }, /percent-encoded/],
  ])('refuses %j and keeps the signature out of the message', (storage, message) => {
    let error: unknown
    try {
      transientStorage(storage as TransientStorage)
    } catch (found) {
      error = found
    }
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toMatch(/abc%2B|:pw@/)
  })
})

describe('spark:R14 impersonation and managed identity', () => {
  it('tells the service to write as the caller', () => {
    expect(exported({ kind: 'impersonate', url: `${BLOB}/dir` }).strings).toEqual([`${BLOB}/dir;impersonate`])
    expect(exported({ kind: 'impersonate', url: `${BLOB};impersonate` }).strings).toEqual([`${BLOB};impersonate`])
  })

  it('tells the service to write as one of its identities', () => {
    const id = '9ca5bb85-1c1f-44c3-b33a-0dfcc7ec5f6b'
    expect(exported({ kind: 'managed-identity', url: BLOB }).strings).toEqual([`${BLOB};managed_identity=system`])
    expect(exported({ kind: 'managed-identity', url: BLOB, identity: id }).strings).toEqual([
      `${BLOB};managed_identity=${id}`,
    ])
  })

  it.each([
    [{ kind: 'managed-identity', url: BLOB, identity: 'system;impersonate' }, /object id/],
    [{ kind: 'impersonate', url: `${BLOB}?${SAS}` }, /found both/],
    [{ kind: 'impersonate', url: `${BLOB};managed_identity=system` }, /without/],
  ])('refuses %j', (storage, message) => {
    expect(() => transientStorage(storage as TransientStorage)).toThrow(message)
  })
})

describe('spark:R16 service containers', () => {
  it('are the default', () => {
    expect(transientStorage()).toEqual({ kind: 'service' })
    expect(transientStorage({ kind: 'service' })).toEqual({ kind: 'service' })
  })
})

describe('spark:R18 storage protocol', () => {
  it.each([
    'wasbs://box@acct.blob.core.windows.net/dir',
    'wasb://box@acct.blob.core.windows.net/dir',
    'abfs://box@acct.dfs.core.windows.net/dir',
    'abfss://box@acct.dfs.core.windows.net/dir/',
    'ABFSS://box@ACCT.dfs.core.windows.net/dir',
    'https://acct.dfs.core.windows.net/box/dir',
  ])('maps %s to https on the blob endpoint', (url) => {
    expect(exported({ kind: 'impersonate', url }).strings).toEqual([`${BLOB}/dir;impersonate`])
    expect(one({ kind: 'account-key', url, key: KEY })?.connectionString).toBe(`${BLOB}/dir;${KEY}`)
    expect(one({ kind: 'sas', url: `${url}?${SAS}` })?.connectionString).toBe(`${BLOB}/dir?${SAS}`)
  })
})

describe('the option', () => {
  it.each([
    [{ kind: 'ftp' }, /service, account-key, sas/],
    [{ kind: 'toString' }, /found toString/],
    [{}, /found undefined/],
    [null, /storage of kind/],
    ['https://x', /storage of kind/],
    [[], /at least one storage entry/],
    [{ kind: 'sas', url: 5 }, /url to be text, found number/],
    [{ kind: 'sas', uri: 'x' }, /found uri/],
    [{ kind: 'service', url: BLOB }, /found url/],
    [
      [
        { kind: 'impersonate', url: BLOB },
        { kind: 'impersonate', url: `${BLOB}/` },
      ],
      /twice/,
    ],
  ])('refuses %j', (storage, message) => {
    expect(() => transientStorage(storage as never)).toThrow(message)
  })
})
