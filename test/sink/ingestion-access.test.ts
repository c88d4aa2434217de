import { describe, expect, it } from 'vitest'
import { CommandRow } from '../../src/client/command-table.ts'
import type { KustoRest } from '../../src/client/kusto-rest.ts'
import { KustoAuthError, KustoNetworkError } from '../../src/errors.ts'
import type { Kql } from '../../src/kql/kql.ts'
import { IngestionAccess } from '../../src/sink/ingestion-access.ts'
import { openStaging } from '../../src/sink/staging-area.ts'
import { blobIn } from '../../src/storage/storage-location.ts'
import { UserDelegation } from '../../src/storage/user-delegation.ts'
import { AccountRanks } from '../../src/sink/rank-accounts.ts'

const HOUR = 3_600_000

/** A service with one container, whose signature ends after `lifeMs`, and a clock of its own. */
class Service {
  ms = 0
  asked = 0
  isDown = false
  readonly stale: unknown[] = []
  readonly #lifeMs: number

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs
  }

  access(): IngestionAccess {
    const context = {
      database: 'db',
      rest: {} as KustoRest,
      ranks: new AccountRanks(),
      ingestionCommand: (csl: Kql): Promise<readonly CommandRow[]> => this.#answer(csl.text),
    }
    return new IngestionAccess(context, 'queue', {
      maxAgeMs: HOUR,
      timeoutMs: 1000,
      now: () => this.ms,
      onStale: (error) => void this.stale.push(error),
    })
  }

  #answer(csl: string): Promise<readonly CommandRow[]> {
    if (this.isDown) return Promise.reject(new KustoNetworkError('KUSTO_CONNECTION_FAILED', 'no answer'))
    if (csl.includes('identity'))
      return Promise.resolve([new CommandRow(['token'], new Map([['AuthorizationContext', 0]]))])
    this.asked++
    // Signatures end by the calendar.
    const se = encodeURIComponent(new Date(Date.now() + this.#lifeMs).toISOString())
    const root = `https://acct.blob.core.windows.net/box?se=${se}&sig=${this.asked}`
    const columns = new Map([
      ['ResourceTypeName', 0],
      ['StorageRoot', 1],
    ])
    return Promise.resolve([new CommandRow(['TempStorage', root], columns)])
  }
}

const signature = async (access: IngestionAccess): Promise<string> => {
  const [container] = (await access.get()).containers
  const found = container?.access
  return found?.kind === 'sas' ? (new URLSearchParams(found.sas).get('sig') ?? '') : ''
}

describe('spark:W22 the resources of the service', () => {
  it('are asked for once by all who ask at a time, and again after an hour', async () => {
    const service = new Service(24 * HOUR)
    const access = service.access()
    expect(await Promise.all([signature(access), signature(access), signature(access)])).toEqual(['1', '1', '1'])
    service.ms = HOUR - 1
    expect(await signature(access)).toBe('1')
    service.ms = HOUR
    expect(await Promise.all([signature(access), signature(access)])).toEqual(['2', '2'])
  })

  it('are renewed half an hour before their signatures end, or at half of a short life', async () => {
    for (const [lifeMs, renewedAtMs] of [
      [1.2 * HOUR, 0.7 * HOUR],
      [0.4 * HOUR, 0.2 * HOUR],
    ] as const) {
      const service = new Service(lifeMs)
      const access = service.access()
      expect(await signature(access)).toBe('1')
      service.ms = renewedAtMs - 10_000
      expect(await signature(access)).toBe('1')
      service.ms = renewedAtMs
      expect(await signature(access)).toBe('2')
    }
  })

  it('serve on while the service does not answer, until their signatures end', async () => {
    const service = new Service(3 * HOUR)
    const access = service.access()
    await signature(access)
    service.isDown = true
    service.ms = 1.5 * HOUR
    expect(await signature(access)).toBe('1')
    expect(service.stale).toMatchObject([{ code: 'KUSTO_CONNECTION_FAILED' }])
    service.ms = 3 * HOUR
    await expect(access.get()).rejects.toThrow('no answer')
    service.isDown = false
    expect(await signature(access)).toBe('2')
  })

  it('sign a blob for the service when it is handed over, though it was written long before', async () => {
    const service = new Service(24 * HOUR)
    const area = openStaging({ ingestionStorage: { kind: 'service' }, deleteIngestedBlobs: true }, 'queue', {
      ingestion: service.access(),
      credential: { getToken: () => Promise.resolve(null) },
      trust: {},
      delegation: new UserDelegation(),
    })
    const [place] = await area.places(undefined)
    if (place === undefined) throw new Error('no place')
    service.ms = 2 * HOUR
    expect(await area.connectionString(blobIn(place, 'x.parquet'), undefined)).toMatch(/x\.parquet\?se=.*&sig=2$/)
  })

  it('are renewed once for all whom storage refuses at a time', async () => {
    const service = new Service(24 * HOUR)
    const access = service.access()
    const refused = new KustoAuthError('KUSTO_STORAGE_DENIED', 'refused')
    const use = (): Promise<number> =>
      access.use(({ containers }) => {
        const [container] = containers
        const isOld = container?.access.kind === 'sas' && container.access.sas.endsWith('sig=1')
        return isOld ? Promise.reject(refused) : Promise.resolve(service.asked)
      }, {})
    expect(await Promise.all([use(), use(), use()])).toEqual([2, 2, 2])
  })
})
