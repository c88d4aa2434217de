import { describe, expect, it } from 'vitest'
import { parseStorageConnectionString, withoutSecret } from '../../../src/local/storage/connection-string.ts'

describe('a storage connection string', () => {
  it('keeps a SAS, in the URL or after the semicolon, out of what is shown', () => {
    for (const text of [
      'http://127.0.0.1:5/dev/c/a%20b/x.csv?sv=1&sig=s%2B',
      'http://127.0.0.1:5/dev/c/a%20b/x.csv;sv=1&sig=s%2B',
    ]) {
      expect(parseStorageConnectionString(text)).toEqual({
        url: 'http://127.0.0.1:5/dev/c/a%20b/x.csv',
        endpoint: 'http://127.0.0.1:5/dev',
        container: 'c',
        path: 'a b/x.csv',
        credential: { kind: 'sas', query: 'sv=1&sig=s%2B' },
      })
    }
  })

  it('takes the account from the host of a cloud URL and from the path of a loopback URL', () => {
    expect(parseStorageConnectionString('https://acct.blob.core.windows.net/c;a2V5==').credential).toEqual({
      kind: 'key',
      account: 'acct',
      key: 'a2V5==',
    })
    expect(parseStorageConnectionString('http://localhost:1/dev/c/p;a2V5').credential).toEqual({
      kind: 'key',
      account: 'dev',
      key: 'a2V5',
    })
  })

  it.each(['impersonate', 'managed_identity=system', 'token=abc', 'AwsCredentials=a,b'])(
    'refuses %s by name',
    (suffix) => {
      expect(() => parseStorageConnectionString(`https://acct.blob.core.windows.net/c;${suffix}`)).toThrow(
        expect.objectContaining({
          code: 'BadRequest_NotSupportedByEmulator',
          message: expect.stringContaining(suffix.split('=')[0]!.toLowerCase()),
        }),
      )
    },
  )

  it.each([
    'abfss://fs@acct.dfs.core.windows.net/p',
    'https://acct.dfs.core.windows.net/fs/p',
    'https://b.s3.eu.amazonaws.com/k',
  ])('refuses the store of %s', (text) => {
    expect(() => parseStorageConnectionString(text)).toThrow(
      expect.objectContaining({ code: 'BadRequest_NotSupportedByEmulator' }),
    )
  })

  it.each([
    '',
    'nonsense',
    'ftp://h/c/b',
    'http://127.0.0.1/onlyaccount',
    'https://a.blob.core.windows.net/c;!!',
    'https://a.blob.core.windows.net/c?sig=1;a2V5',
  ])('refuses %j', (text) => {
    expect(() => parseStorageConnectionString(text)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^BadRequest_(InvalidBlobUri|EmptyBlobUri)$/) }),
    )
  })

  it('never shows what follows ? or ;', () => {
    expect(withoutSecret('https://h/c/b?sig=x')).toBe('https://h/c/b')
    expect(withoutSecret('https://h/c/b;key')).toBe('https://h/c/b')
  })
})
