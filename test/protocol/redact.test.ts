import { expect, test } from 'vitest'
import { redact, redactUrl } from '../../src/protocol/redact.ts'

const KEY = `${'Ab1+/'.repeat(17)}X==`

test.each([
  'https://a.blob.core.windows.net/c/b.csv?sv=2024&sig=SECRET%3D',
  `https://a.blob.core.windows.net/c;${'S'.repeat(6)}SECRET==`,
  'abfss://fs@a.dfs.core.windows.net/p;sharedkey=SECRET==',
  'https://onelake.dfs.fabric.microsoft.com/w/i;token=SECRET',
  'https://me:SECRET@host.example/path',
  'https://a/b,https://c/d?sig=SECRET',
  'Data Source=https://c;AppKey=SECRET;AppClientId=id',
  'Application Key="SECRET;more"',
  'Password = SECRET',
  'Authorization: Bearer SECRETSECRET',
  'a token eyJSECRETSECRET.SECRETSECRET.SECRET in a sentence',
  '{"access_token":"SECRET","client_secret": "SECRET"}',
  '{"authorizationContext":"SECRET"}',
  `.export to csv (h"https://x/SECRET;SECRET") <| T`,
  `.export to csv (h@'SECRET') <| T`,
  '-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----',
  's3://bucket;AwsCredentials=id,SECRET',
  'Endpoint=sb://b;SharedAccessKeyName=n;SharedAccessKey=SECRET=',
  'u=https%3A%2F%2Fa%2Fc%3Fsv%3D2024%26sig%3DSECRET%253D',
  'grant_type%3Dx%26client_secret%3DSECRET',
  'authorization%3A%20Bearer%20SECRETSECRET',
  '{"token":"SECRET","expires":1}',
  'Authorization: Basic SECRETSECRET==',
  '{"Authorization":"SharedKey account:SECRET"}',
])('nothing secret is left of %j', (text) => {
  expect(redact(text)).not.toContain('SECRET')
})

test('a storage key is recognised without a name', () => {
  expect(KEY.length).toBe(88)
  expect(redact(`key ${KEY} end`)).toBe('key **** end')
})

test('what is not secret stays', () => {
  const text =
    "SYN0002: unexpected token: ')' near https://help.kusto.windows.net/db, table Passwords, 12 rows; Authorization: Access denied"
  expect(redact(text)).toBe(text)
})

test('a URL is cut before its query and credentials', () => {
  expect(redactUrl('https://a/c/b.csv?sig=1')).toBe('https://a/c/b.csv')
  expect(redactUrl('https://a/c;key==')).toBe('https://a/c')
})
