import { describe, expect, it } from 'vitest'
import { connectSettings } from '../src/connect-settings.ts'
import type { KustoConnectorOptions } from '../src/connect-settings.ts'

const CLUSTER = 'https://c.kusto.windows.net'

describe('options and connection string together', () => {
  it('are one address, one database and one way to sign in; what the options say wins', () => {
    const connectionString = `Data Source=https://other.kusto.windows.net/db1;AppToken=t1;TraceAppName=a;TraceUserName=u`
    expect(connectSettings({ connectionString })).toMatchObject({
      database: 'db1',
      ingestion: 'auto',
      client: {
        cluster: 'https://other.kusto.windows.net',
        auth: { kind: 'token', token: 't1' },
        caller: { application: 'a', user: 'u' },
      },
    })
    const given = { connectionString, cluster: CLUSTER, database: 'db2', credential: 't2', application: 'b' }
    expect(connectSettings(given)).toMatchObject({
      database: 'db2',
      client: { cluster: CLUSTER, auth: { kind: 'token', token: 't2' }, caller: { application: 'b', user: 'u' } },
    })
  })

  it.each<[string, unknown, string]>([
    ['cluster', new URL(CLUSTER), 'KUSTO_BAD_OPTION'],
    ['database', 5, 'KUSTO_BAD_OPTION'],
    ['database', null, 'KUSTO_BAD_OPTION'],
    ['connectionString', {}, 'KUSTO_BAD_OPTION'],
    ['ingestionCluster', 5, 'KUSTO_BAD_OPTION'],
    ['application', 5, 'KUSTO_BAD_OPTION'],
    ['trustedHosts', 'kusto.example', 'KUSTO_BAD_OPTION'],
    ['trustedHosts', [5], 'KUSTO_BAD_OPTION'],
    ['allowTokenToLoopback', 'yes', 'KUSTO_BAD_OPTION'],
    ['compression', 'br', 'KUSTO_BAD_OPTION'],
    ['ingestion', 'storage', 'KUSTO_BAD_OPTION'],
    ['credential', null, 'KUSTO_BAD_CREDENTIAL'],
    ['credential', {}, 'KUSTO_BAD_CREDENTIAL'],
    ['credential', '', 'KUSTO_BAD_CREDENTIAL'],
  ])('an option %s of %j is refused by its name', (name, value, code) => {
    const options = { cluster: CLUSTER, database: 'db', [name]: value } as KustoConnectorOptions
    const expected = {
      code,
      message: expect.stringContaining(name === 'credential' ? 'TokenCredential' : name) as string,
    }
    expect(() => connectSettings(options)).toThrow(expect.objectContaining(expected))
  })
})
