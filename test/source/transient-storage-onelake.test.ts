import { describe, expect, it } from 'vitest'
import { exportCommand } from '../../src/kql/commands/export-commands.ts'
import { kql } from '../../src/kql/kql.ts'
import { transientStorage } from '../../src/source/transient-storage.ts'
import type { TransientStorage } from '../../src/source/transient-storage.ts'
import type { OwnStorage } from '../../src/storage/own-storage.ts'
import { loadMicrosoftParser } from '../kql/microsoft-parser.ts'

const BLOB = 'https://acct.blob.core.windows.net/box'
const ONELAKE = 'https://onelake.dfs.fabric.microsoft.com/ws/Lake.Lakehouse/Files/out'
const parser = loadMicrosoftParser()

function own(storage: TransientStorage): OwnStorage | undefined {
  const settings = transientStorage(storage)
  return settings.kind === 'own' ? settings.entries[0] : undefined
}

/** The strings that Microsoft's parser finds in the export command. */
function connectionStrings(storage: TransientStorage): readonly string[] {
  const to = [own(storage)?.connectionString ?? '']
  const { diagnostics, strings } = parser.parse(
    exportCommand({ format: 'parquet', to, query: kql`print x = 1` }).inlined,
  )
  expect(diagnostics).toEqual([])
  return strings
}

describe('spark:R15 OneLake', () => {
  it.each([
    ONELAKE,
    `${ONELAKE}/`,
    'abfss://ws@onelake.dfs.fabric.microsoft.com/Lake.Lakehouse/Files/out',
    'ABFSS://ws@OneLake.DFS.fabric.microsoft.com/Lake.Lakehouse/Files/out',
  ])('takes %s, tells the service the https form and reads from the blob endpoint', (url) => {
    expect(connectionStrings({ kind: 'onelake', url })).toEqual([`${ONELAKE};impersonate`])
    expect(own({ kind: 'onelake', url })?.url).toBe(ONELAKE.replace('.dfs.', '.blob.'))
  })

  it('encodes names with blanks once, however they were written', () => {
    const written = ['My Work', 'My%20Work'].map(
      (workspace) => own({ kind: 'onelake', url: `https://onelake.dfs.fabric.microsoft.com/${workspace}/a/b` })?.url,
    )
    expect(written).toEqual(Array.from({ length: 2 }, () => 'https://onelake.blob.fabric.microsoft.com/My%20Work/a/b'))
  })

  it.each([
    ['query string', `${ONELAKE}?sv=1&sig=x`],
    ['empty query string', `${ONELAKE}?`],
    ['fragment', `${ONELAKE}#top`],
    ['port', ONELAKE.replace('.com/', '.com:443/')],
    ['empty port', ONELAKE.replace('.com/', '.com:/')],
    ['user on https', ONELAKE.replace('https://', 'https://ws@')],
    ['IPv4 host', 'https://10.0.0.1/ws/item/path'],
    ['short IPv4 host', 'https://127.1/ws/item/path'],
    ['hexadecimal IPv4 host', 'https://0x7f.0x1/ws/item/path'],
    ['IPv6 host', 'https://[::1]/ws/item/path'],
    ['localhost', 'https://localhost/ws/item/path'],
    ['name below localhost', 'https://x.localhost/ws/item/path'],
    ['host of one label', 'https://onelake/ws/item/path'],
    ['empty label', 'https://onelake..com/ws/item/path'],
    ['dot segment', 'https://onelake.dfs.fabric.microsoft.com/ws/item/./path'],
    ['parent segment', 'https://onelake.dfs.fabric.microsoft.com/ws/item/../path'],
    ['encoded parent segment', 'https://onelake.dfs.fabric.microsoft.com/ws/item/%2e%2E/path'],
    ['half encoded parent segment', 'https://onelake.dfs.fabric.microsoft.com/ws/item/.%2e/path'],
    ['encoded slash', 'https://onelake.dfs.fabric.microsoft.com/ws/item/a%2f..%2fb'],
    ['backslash', 'https://onelake.dfs.fabric.microsoft.com/ws/item/..\\path'],
    ['empty segment', 'https://onelake.dfs.fabric.microsoft.com/ws//item/path'],
    ['no path below the item', 'https://onelake.dfs.fabric.microsoft.com/ws/item'],
    ['no path below the item, abfss', 'abfss://ws@onelake.dfs.fabric.microsoft.com/item'],
    ['no workspace', 'abfss://onelake.dfs.fabric.microsoft.com/ws/item/path'],
    ['empty workspace', 'abfss://@onelake.dfs.fabric.microsoft.com/item/path'],
    ['dots as workspace', 'abfss://..@onelake.dfs.fabric.microsoft.com/item/path'],
    ['password', 'abfss://ws:pw@onelake.dfs.fabric.microsoft.com/item/path'],
    ['plain http', ONELAKE.replace('https', 'http')],
    ['another scheme', ONELAKE.replace('https', 'wasbs')],
    ['semicolon', `${ONELAKE};impersonate`],
    ['broken percent escape', `${ONELAKE}/%zz`],
    ['no URL', 'onelake'],
  ])('refuses a URL with %s', (_, url) => {
    expect(() => transientStorage({ kind: 'onelake', url })).toThrow(
      expect.objectContaining({ code: 'KUSTO_BAD_STORAGE_URL' }),
    )
  })

  it('does not mix with blob entries', () => {
    const mixed: readonly TransientStorage[] = [
      { kind: 'onelake', url: ONELAKE },
      { kind: 'impersonate', url: BLOB },
    ]
    expect(() => transientStorage(mixed)).toThrow(/entries of one kind, found onelake and impersonate/)
    expect(() => transientStorage({ kind: 'onelake', url: ONELAKE, container: 'box' } as never)).toThrow(
      /found container/,
    )
  })
})
