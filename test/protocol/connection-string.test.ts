import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskConnectionString, parseConnectionString } from '../../src/protocol/connection-string.ts'

describe('parseConnectionString', () => {
  test('a bare address is the data source', () => {
    expect(parseConnectionString('https://help.kusto.windows.net')).toEqual({
      cluster: 'https://help.kusto.windows.net',
      auth: { kind: 'default' },
    })
  })

  test('a secret keeps its equal signs', () => {
    const parsed = parseConnectionString(
      'Data Source=https://c.kusto.windows.net;Fed=true;AppClientId=id;AppKey=a==b=;TenantId=t;Initial Catalog=db',
    )
    expect(parsed).toEqual({
      cluster: 'https://c.kusto.windows.net',
      database: 'db',
      auth: { kind: 'app-key', clientId: 'id', key: 'a==b=', tenant: 't' },
    })
  })

  test.each(['data source', 'SERVER', ' Addr ', 'address', 'Network Address', 'networkaddress'])(
    '%j names the data source',
    (keyword) => expect(parseConnectionString(`${keyword}=https://c`).cluster).toBe('https://c'),
  )

  test.each([
    ['User ID=me', { kind: 'user-prompt', loginHint: 'me' }],
    ['Uid=me;Pwd=p;Domain Hint=t', { kind: 'user-password', user: 'me', password: 'p', tenant: 't' }],
    ['Application Token=tok', { kind: 'token', token: 'tok' }],
    ['UsrToken=tok', { kind: 'token', token: 'tok' }],
    ['Fed=False', { kind: 'anonymous' }],
    ['AAD Federated Security=1', { kind: 'default' }],
    [
      'AppClientId=i;Application Certificate PrivateKey=PEM;SendX5c=yes',
      { kind: 'app-certificate', clientId: 'i', pem: 'PEM', sendX5c: true },
    ],
  ])('%s signs in as it says', (text, auth) => {
    expect(parseConnectionString(`https://c;${text}`).auth).toEqual(auth)
  })

  test('any value survives in double quotes', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (key) => {
        const text = `Data Source=https://c;AppClientId=i;AppKey="${key.replaceAll('"', '""')}" ; TenantId=t;`
        expect(parseConnectionString(text).auth).toEqual({ kind: 'app-key', clientId: 'i', key, tenant: 't' })
      }),
    )
  })

  test('empty pieces are skipped', () => {
    expect(parseConnectionString(';;Data Source=https://c;;').cluster).toBe('https://c')
  })

  test('a database in the address counts, and may not contradict the catalog', () => {
    expect(parseConnectionString('https://c/my%20db/').database).toBe('my db')
    expect(parseConnectionString('https://c/db;Database=db').database).toBe('db')
    expect(() => parseConnectionString('https://c/db;Database=other')).toThrow(/expected one database/)
    expect(() => parseConnectionString('https://c/db/more')).toThrow(/at most a database/)
  })

  test.each([
    ['https://c;Colour=red', 'KUSTO_UNKNOWN_KEYWORD'],
    ['https://c;Namespace=n', 'KUSTO_UNSUPPORTED_KEYWORD'],
    ['https://c;AppKey=k', 'KUSTO_BAD_CONNECTION_STRING'],
    ['https://c;AppClientId=i', 'KUSTO_BAD_CONNECTION_STRING'],
    ['https://c;AppClientId=i;AppKey=k;AppToken=t', 'KUSTO_BAD_CONNECTION_STRING'],
    ['https://c;Fed=maybe', 'KUSTO_BAD_CONNECTION_STRING'],
    ['https://c;Fed=false;AppToken=t', 'KUSTO_BAD_CONNECTION_STRING'],
    ['https://c;AppToken=a;Application Token=b', 'KUSTO_BAD_CONNECTION_STRING'],
    ['https://c;AppToken="a', 'KUSTO_BAD_CONNECTION_STRING'],
    ['https://c;loose', 'KUSTO_BAD_CONNECTION_STRING'],
    ['Database=d', 'KUSTO_BAD_CONNECTION_STRING'],
    ['ftp://c', 'KUSTO_BAD_CLUSTER'],
    ['https://user:pw@c', 'KUSTO_BAD_CLUSTER'],
  ])('%s is refused with %s', (text, code) => {
    expect(() => parseConnectionString(text)).toThrow(expect.objectContaining({ code }))
  })

  test('no error shows a secret', () => {
    const secret = 's3cr3t'
    for (const text of [
      `https://c;AppKey=${secret}`,
      `https://c;AppToken=${secret};Application Token=${secret}`,
      `https://c;AppToken="${secret}`,
      `https://c;Fed=${secret}`,
      `https://u:${secret}@c`,
      `https://c?sig=${secret}`,
    ]) {
      expect(() => parseConnectionString(text)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(secret) as string }),
      )
    }
  })
})

test('the rest of a secret without quotes is in no error', () => {
  expect(() => parseConnectionString('https://c;AppClientId=i;AppKey=abc;SECRET=x')).toThrow(
    expect.objectContaining({
      code: 'KUSTO_UNKNOWN_KEYWORD',
      message: expect.not.stringContaining('SECRET') as string,
    }),
  )
})

describe('maskConnectionString', () => {
  test('hides secrets and values of unknown keywords, keeps the rest', () => {
    expect(maskConnectionString('Data Source=https://c;AppKey="a;b=";User ID=me;Mystery=x;Pwd=p')).toBe(
      'Data Source=https://c;AppKey=****;User ID=me;Mystery=****;Pwd=****',
    )
  })

  test('hides what follows a ; in a secret without quotes', () => {
    expect(maskConnectionString('https://c/db;AppKey=ab"c;SECRET"ef;User ID=me')).toBe(
      'https://c/db;AppKey=****;****;User ID=me',
    )
  })
})
