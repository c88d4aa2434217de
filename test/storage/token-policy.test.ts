import type { AccessToken, TokenCredential } from '@azure/core-auth'
import { describe, expect, it } from 'vitest'
import { readBlob } from '../../src/storage/read-blob.ts'
import { rememberToken } from '../../src/storage/token-policy.ts'
import { blobServer } from './blob-server.ts'

const SCOPE = 'https://storage.azure.com/.default'
const MIB = 1024 * 1024

interface Counted extends TokenCredential {
  asked: number
  fail: boolean
}

function counted(clock: { ms: number }): Counted {
  return {
    asked: 0,
    fail: false,
    async getToken(): Promise<AccessToken> {
      this.asked++
      await new Promise((resolve) => void setImmediate(resolve))
      if (this.fail) throw new Error('login is down')
      return { token: `token ${this.asked}`, expiresOnTimestamp: clock.ms + 3_600_000 }
    },
  }
}

describe('a remembered token', () => {
  it('is asked for once by requests that start together', async () => {
    const credential = counted({ ms: Date.now() })
    await using server = await blobServer(new Uint8Array(20 * MIB))
    const { url } = server
    const location = { url, access: { kind: 'credential', credential: rememberToken(credential) } } as const
    await Promise.all([readBlob(location), readBlob(location), readBlob(location)])
    expect(credential.asked).toBe(1)
    expect(new Set(server.authorizations)).toEqual(new Set(['Bearer token 1']))
  })

  it('is replaced five minutes before its end, and serves on while that fails', async () => {
    const clock = { ms: 1_000_000 }
    const credential = counted(clock)
    const remembered = rememberToken(credential, () => clock.ms)
    const token = async (): Promise<string | undefined> => (await remembered.getToken(SCOPE))?.token
    expect(await token()).toBe('token 1')
    clock.ms += 3_600_000 - 5 * 60_000 - 1
    expect(await token()).toBe('token 1')
    credential.fail = true
    clock.ms += 1
    expect([await token(), await token(), credential.asked]).toEqual(['token 1', 'token 1', 2])
    credential.fail = false
    clock.ms += 60_000
    expect(await token()).toBe('token 3')
  })

  it('that never comes does not outlast the request', async () => {
    const stop = new AbortController()
    await using server = await blobServer(new Uint8Array(1))
    for (const wrap of [rememberToken, (credential: TokenCredential) => credential]) {
      const credential = wrap({ getToken: () => new Promise<never>(() => undefined) })
      const reading = readBlob({ url: server.url, access: { kind: 'credential', credential } }, { signal: stop.signal })
      setImmediate(() => stop.abort(new Error('enough')))
      await expect(reading).rejects.toThrow('enough')
    }
    expect(server.requests).toEqual([])
  })
})
