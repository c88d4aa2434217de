import type { AccessToken, TokenCredential } from '@azure/core-auth'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseCloudMetadata, PUBLIC_CLOUD, tokenScope } from '../../src/auth/cloud-metadata.ts'
import type { Auth } from '../../src/auth/credential.ts'
import { TokenSource, type TokenSourceOptions } from '../../src/auth/token-source.ts'

const CLUSTER = 'https://c.kusto.windows.net'
const METADATA = JSON.stringify({
  AzureAD: {
    LoginEndpoint: 'https://login.microsoftonline.com',
    LoginMfaRequired: false,
    KustoServiceResourceId: 'https://kusto.kusto.windows.net',
  },
  dSTS: {},
})

/** A credential that records what it is asked and can be told to fail. */
class FakeCredential implements TokenCredential {
  readonly asked: string[] = []
  lifeMs = 3_600_000
  fail: Error | undefined
  #gate: Promise<void> | undefined
  open: () => void = () => {}
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  hold(): void {
    this.#gate = new Promise((resolve) => (this.open = resolve))
  }

  async getToken(scopes: string | string[]): Promise<AccessToken> {
    this.asked.push(String(scopes))
    await this.#gate
    if (this.fail !== undefined) throw this.fail
    return { token: `token ${this.asked.length}`, expiresOnTimestamp: this.#clock() + this.lifeMs }
  }
}

interface Setup {
  readonly source: TokenSource
  readonly credential: FakeCredential
  readonly fetched: string[]
  readonly time: { ms: number }
}

function setup(
  options: Partial<TokenSourceOptions> & { readonly answer?: { status: number; body: string } } = {},
): Setup {
  const time = { ms: 1_000_000 }
  const credential = new FakeCredential(() => time.ms)
  const fetched: string[] = []
  const { answer, ...rest } = options
  const source = new TokenSource({
    auth: { kind: 'credential', credential },
    fetch: async (url) => {
      fetched.push(url)
      return answer ?? { status: 200, body: METADATA }
    },
    sleep: async () => {},
    now: () => time.ms,
    clock: () => time.ms,
    ...rest,
  })
  return { source, credential, fetched, time }
}

describe('a token', () => {
  test('is asked for with the scope the cluster names, once for many callers', async () => {
    const { source, credential, fetched } = setup()
    const tokens = await Promise.all([source.token(CLUSTER), source.token(CLUSTER), source.token(CLUSTER)])
    expect(tokens).toEqual(['token 1', 'token 1', 'token 1'])
    expect(credential.asked).toEqual(['https://kusto.kusto.windows.net/.default'])
    expect(fetched).toEqual([`${CLUSTER}/v1/rest/auth/metadata`])
  })

  test('is replaced five minutes before its end', async () => {
    const { source, time } = setup()
    expect(await source.token(CLUSTER)).toBe('token 1')
    time.ms += 3_600_000 - 5 * 60_000 - 1
    expect(await source.token(CLUSTER)).toBe('token 1')
    time.ms += 2
    expect(await source.token(CLUSTER)).toBe('token 2')
  })

  test('stays in use when its early replacement fails, and no longer than it lives', async () => {
    const { source, credential, time } = setup()
    await source.token(CLUSTER)
    credential.fail = new Error('login is down')
    time.ms += 3_600_000 - 60_000
    expect(await source.token(CLUSTER)).toBe('token 1')
    time.ms += 60_000
    await expect(source.token(CLUSTER)).rejects.toMatchObject({ name: 'KustoAuthError', code: 'KUSTO_NO_TOKEN' })
  })

  test('that could not be replaced early is not asked for by every request that follows', async () => {
    const { source, credential, time } = setup()
    await source.token(CLUSTER)
    credential.fail = new Error('login is down')
    time.ms += 3_600_000 - 4 * 60_000
    for (let i = 0; i < 5; i++) expect(await source.token(CLUSTER)).toBe('token 1')
    expect(credential.asked.length).toBe(2)
    credential.fail = undefined
    time.ms += 60_000
    expect(await source.token(CLUSTER)).toBe('token 3')
  })

  test('of a short life is used for half of it', async () => {
    const { source, credential, time } = setup()
    credential.lifeMs = 4 * 60_000
    await source.token(CLUSTER)
    time.ms += 60_000
    expect(await source.token(CLUSTER)).toBe('token 1')
    time.ms += 60_000
    expect(await source.token(CLUSTER)).toBe('token 2')
  })

  test('is asked for again after a failure and after the service refused it', async () => {
    const { source, credential } = setup()
    credential.fail = new Error('down')
    await expect(source.token(CLUSTER)).rejects.toThrow(/down/)
    credential.fail = undefined
    expect(await source.token(CLUSTER)).toBe('token 2')
    source.forget()
    expect(await source.token(CLUSTER)).toBe('token 3')
  })

  test('one caller giving up does not take it from the others', async () => {
    const { source, credential } = setup()
    credential.hold()
    const stop = new AbortController()
    const reason = new Error('stop')
    const first = source.token(CLUSTER, stop.signal)
    const second = source.token(CLUSTER)
    await new Promise((resolve) => setImmediate(resolve))
    stop.abort(reason)
    await expect(first).rejects.toBe(reason)
    credential.open()
    expect(await second).toBe('token 1')
  })

  test('failures of a credential are shown without secrets', async () => {
    const { source, credential } = setup()
    credential.fail = new Error('refused client_secret=SECRET for AppKey=SECRET')
    await expect(source.token(CLUSTER)).rejects.toMatchObject({
      message: expect.not.stringContaining('SECRET') as string,
    })
  })
})

const kinds = (credential: TokenCredential): readonly Auth[] => [
  { kind: 'credential', credential },
  { kind: 'token', token: 'SECRET' },
  { kind: 'callback', getToken: () => 'SECRET' },
  { kind: 'app-key', clientId: 'i', key: 'SECRET' },
  { kind: 'default' },
]

describe('trust comes first', () => {
  test.each(['https://evil.example', 'https://kusto.windows.net.evil.example'])(
    '%s is not even asked for its cloud',
    async (url) => {
      const { credential } = setup()
      for (const auth of kinds(credential)) {
        const { source, fetched } = setup({ auth })
        await expect(source.token(url)).rejects.toMatchObject({ code: 'KUSTO_UNTRUSTED_HOST' })
        expect([fetched, credential.asked]).toEqual([[], []])
      }
    },
  )

  test('http gets no token, and is asked anonymously when there is nothing to sign in with', async () => {
    const { credential } = setup()
    for (const auth of kinds(credential)) {
      const { source, fetched } = setup({ auth })
      const token = source.token('http://c.kusto.windows.net')
      if (auth.kind === 'default') expect(await token).toBeUndefined()
      else await expect(token).rejects.toMatchObject({ code: 'KUSTO_INSECURE_URL' })
      expect(fetched).toEqual([])
    }
  })

  test('a cluster that names the login of somebody else gets no token', async () => {
    const body = METADATA.replace('login.microsoftonline.com', 'login.evil.example')
    const { source, credential } = setup({ answer: { status: 200, body } })
    await expect(source.token(CLUSTER)).rejects.toMatchObject({ code: 'KUSTO_UNTRUSTED_HOST' })
    expect(credential.asked).toEqual([])
  })

  test('an anonymous source gives no token to anybody', async () => {
    const { source, fetched } = setup({ auth: { kind: 'anonymous' } })
    expect([await source.token('https://evil.example'), fetched]).toEqual([undefined, []])
  })

  test.each(['line\nbreak', 'umlaut ü', '\u0000'])('%j is no token, and is not shown', async (token) => {
    for (const auth of [
      { kind: 'token', token },
      { kind: 'callback', getToken: () => token },
      { kind: 'credential', credential: { getToken: async () => ({ token, expiresOnTimestamp: Infinity }) } },
    ] satisfies Auth[]) {
      const { source } = setup({ auth })
      await expect(source.token(CLUSTER)).rejects.toMatchObject({
        code: 'KUSTO_NO_TOKEN',
        message: expect.not.stringContaining(token) as string,
      })
    }
  })

  test('a token may have blanks around it, as one that was read from a file', async () => {
    const { source } = setup({ auth: { kind: 'callback', getToken: () => ' abc.def-_~+/=\n' } })
    expect(await source.token(CLUSTER)).toBe('abc.def-_~+/=')
  })

  test('a callback that gives nothing is an error', async () => {
    const { source } = setup({ auth: { kind: 'callback', getToken: () => '' } })
    await expect(source.token(CLUSTER)).rejects.toMatchObject({ code: 'KUSTO_NO_TOKEN' })
  })
})

describe('whoever gives no answer', () => {
  afterEach(() => vi.useRealTimers())

  test('a credential is not waited for longer than two minutes', async () => {
    const credential = { getToken: () => new Promise<never>(() => undefined) }
    expect(await outcome({ kind: 'credential', credential })).toMatchObject({ code: 'KUSTO_NO_TOKEN' })
  })

  test('a callback is not waited for longer than two minutes, and is told to stop', async () => {
    let given: AbortSignal | undefined
    const getToken = (signal: AbortSignal | undefined): Promise<string> => {
      given = signal
      return new Promise(() => undefined)
    }
    expect(await outcome({ kind: 'callback', getToken })).toMatchObject({ code: 'KUSTO_NO_TOKEN' })
    expect(given?.aborted).toBe(true)
  })

  async function outcome(auth: Auth): Promise<unknown> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { source } = setup({ auth })
    let found: unknown = 'nothing'
    void source.token(CLUSTER).catch((error: unknown) => (found = error))
    await vi.advanceTimersByTimeAsync(119_000)
    expect(found).toBe('nothing')
    await vi.advanceTimersByTimeAsync(2_000)
    return found
  }
})

describe('cloud metadata', () => {
  test.each([
    [404, 'not json'],
    [200, '{"AzureAD":null}'],
    [200, ''],
    [200, '{}'],
  ])('status %i with %j means the public cloud', (status, body) => {
    expect(parseCloudMetadata(status, body)).toEqual(PUBLIC_CLOUD)
  })

  test.each([
    [302, ''],
    [500, ''],
    [200, '<html>'],
  ])('status %i with %j is an error', (status, body) => {
    expect(() => parseCloudMetadata(status, body)).toThrow(expect.objectContaining({ code: 'KUSTO_NO_CLOUD_METADATA' }))
  })

  test('a second factor changes the scope', () => {
    expect(tokenScope({ ...PUBLIC_CLOUD, mfaRequired: true })).toBe('https://kusto.kustomfa.windows.net/.default')
  })

  test('is fetched again after a day, and after a failure', async () => {
    const { source, fetched, time } = setup()
    await source.token(CLUSTER)
    time.ms += 24 * 3_600_000 + 1
    await source.token(CLUSTER)
    expect(fetched.length).toBe(2)
    const broken = setup({ answer: { status: 302, body: '' } })
    await expect(broken.source.token(CLUSTER)).rejects.toMatchObject({ code: 'KUSTO_NO_CLOUD_METADATA' })
    await expect(broken.source.token(CLUSTER)).rejects.toMatchObject({ code: 'KUSTO_NO_CLOUD_METADATA' })
    expect(broken.fetched.length).toBe(2)
  })

  test('is tried three times when the cluster is busy', async () => {
    const { source, fetched } = setup({ answer: { status: 503, body: '' } })
    await expect(source.token(CLUSTER)).rejects.toMatchObject({ code: 'KUSTO_NO_CLOUD_METADATA' })
    expect(fetched.length).toBe(3)
  })
})

test('streaming:C52 every way to sign in of a connection string makes a credential', async () => {
  const { identityCredential } = await import('../../src/auth/credential.ts')
  const id = '11111111-2222-3333-4444-555555555555'
  const made = await Promise.all([
    identityCredential({ kind: 'default' }, PUBLIC_CLOUD),
    identityCredential({ kind: 'app-key', clientId: id, key: 'k', tenant: id }, PUBLIC_CLOUD),
    identityCredential({ kind: 'app-certificate', clientId: id, pem: 'p', sendX5c: true, tenant: id }, PUBLIC_CLOUD),
    identityCredential({ kind: 'user-password', user: 'u', password: 'p', tenant: id }, PUBLIC_CLOUD),
    identityCredential({ kind: 'user-prompt', loginHint: 'u' }, PUBLIC_CLOUD),
  ])
  expect(made.map((credential) => credential.constructor.name)).toEqual([
    'DefaultAzureCredential',
    'ClientSecretCredential',
    'ClientCertificateCredential',
    'UsernamePasswordCredential',
    'InteractiveBrowserCredential',
  ])
})
