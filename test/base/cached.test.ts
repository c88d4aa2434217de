import { expect, it } from 'vitest'
import { Cached } from '../../src/base/cached.ts'
import type { KustoRest } from '../../src/client/kusto-rest.ts'
import { IngestionAccess } from '../../src/sink/ingestion-access.ts'
import { AccountRanks } from '../../src/sink/rank-accounts.ts'

const never = (): Promise<never> => new Promise(() => undefined)
const CODE = { name: 'KustoNetworkError', code: 'KUSTO_TIMEOUT', retryable: true }

it('tells with a code that the service gave no containers to export to in time, and asks again', async () => {
  let asked = 0
  const containers = new Cached(() => (++asked === 1 ? never() : Promise.resolve('there')), {
    maxAgeMs: 1000,
    timeoutMs: 1,
  })
  await expect(containers.get()).rejects.toMatchObject(CODE)
  expect(await containers.get()).toBe('there')
})

it('tells with a code that the service gave no way into its queue in time', async () => {
  const context = { database: 'db', rest: {} as KustoRest, ranks: new AccountRanks(), ingestionCommand: never }
  const access = new IngestionAccess(context, 'queue', { maxAgeMs: 1000, timeoutMs: 1 })
  await expect(access.get()).rejects.toMatchObject(CODE)
})
