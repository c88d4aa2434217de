import pLimit from 'p-limit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KustoConnector, KustoIngestError } from '../../src/index.ts'
import { startLocalKusto } from '../../src/local/index.ts'
import type { LocalKusto } from '../../src/local/index.ts'
import { startGateway } from './gateway.ts'
import type { GatewayAnswer, Intercept } from './gateway.ts'
import {
  COMPLETE,
  ended,
  operationsSettled,
  seed,
  SMALL,
  stagingByTarget,
  state,
  threeBlobs,
  UNTOUCHED,
  WRITTEN,
} from './interrupted-write.ts'
import type { Ended, Mode } from './interrupted-write.ts'

let local: LocalKusto
/** Past all gateways. */
let direct: KustoConnector

beforeAll(async () => {
  local = await startLocalKusto()
  direct = new KustoConnector({ cluster: local.cluster, database: local.database })
})

afterAll(async () => {
  await direct.close()
  await local.close()
})

const REASON = new Error('enough')

interface Interruption {
  /** What happens to the request that is chosen. */
  readonly intercept: (stop: AbortController, afterwards: (() => Promise<unknown>)[]) => Intercept
}

const refusal = (status: number, permanent: boolean): GatewayAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error: { code: 'Injected', message: 'injected', '@permanent': permanent } }),
})

const INTERRUPTIONS: Readonly<Record<string, Interruption>> = {
  'aborted when it is carried out and before its answer': {
    intercept: (stop) => async (_request, forward) => {
      await forward()
      stop.abort(REASON)
      return undefined
    },
  },
  'aborted when it is on its way, and carried out when the write has ended': {
    intercept: (stop, afterwards) => (_request, forward) => {
      stop.abort(REASON)
      return new Promise((resolve) => {
        afterwards.push(async () => {
          await forward()
          resolve(undefined)
        })
      })
    },
  },
  'carried out, its answer lost': {
    intercept: () => async (_request, forward) => {
      await forward()
      return undefined
    },
  },
  'refused for now': { intercept: () => () => Promise.resolve(refusal(503, false)) },
  'refused for good': { intercept: () => () => Promise.resolve(refusal(400, true)) },
}

interface Case {
  readonly label: string
  readonly table: string
  readonly outcome: Ended
}

/** A write that meets an interruption at the first request of this label; requests that were held back are carried out. */
async function interrupted(name: string, mode: Mode, label: string): Promise<Case> {
  const table = `${mode} ${Object.keys(INTERRUPTIONS).indexOf(name)} ${label}`.replaceAll(/[^\w-]/g, '_')
  await seed(direct, table)
  const stop = new AbortController()
  const afterwards: (() => Promise<unknown>)[] = []
  const gateway = await startGateway(local.cluster)
  const kusto = new KustoConnector({ cluster: gateway.url, database: local.database })
  try {
    const own = INTERRUPTIONS[name]!.intercept(stop, afterwards)
    gateway.intercept = (request, forward) =>
      gateway.seen.indexOf(label) === request.index ? own(request, forward) : forward()
    const outcome = await ended(kusto.write(table, threeBlobs(), { ...SMALL, mode, signal: stop.signal }))
    expect(gateway.seen).toContain(label)
    for (const act of afterwards) await act()
    return { label, table, outcome }
  } finally {
    await kusto.close()
    await gateway.close()
  }
}

/** What is there when the service has ended all that such a write began. */
interface Left {
  readonly state: string
  readonly staging: readonly string[]
}

function check({ outcome }: Case, { state: found, staging }: Left, mode: Mode): void {
  const complete = COMPLETE[mode]
  if ('receipt' in outcome) {
    const { rows, transaction } = outcome.receipt.toJSON()
    expect([found, rows]).toEqual([complete, WRITTEN])
    const told = transaction?.stagingLeft === true ? transaction.stagingTable : undefined
    expect(staging.filter((name) => name !== told)).toEqual([])
    return
  }
  const { error } = outcome
  const code = error instanceof KustoIngestError ? error.code : ''
  if (code === 'KUSTO_MOVE_UNKNOWN') expect([UNTOUCHED, complete]).toContain(found)
  else expect(found, String(error)).toBe(code === 'KUSTO_WRITE_COMMITTED' ? complete : UNTOUCHED)
  const message = error instanceof Error ? error.message : ''
  expect(staging.filter((name) => !message.includes(name))).toEqual([])
}

/** Every request of a transactional write, and those by which a replacement differs. */
const REQUESTS: Readonly<Record<Mode, readonly string[]>> = {
  transactional: [
    '.show table schema as json',
    'GET configuration',
    'PUT blob',
    '.show table policy ingestionbatching',
    '.execute database script with',
    'POST queued',
    'GET queued',
    '.show table extents',
    '.move async extents from table to table with',
    '.show operations',
    '.show operation details',
    '.drop table ifexists',
  ],
  replace: ['.replace async extents in table with', '.show operations', '.show operation details'],
}

it('a write makes these requests and no others', async () => {
  for (const [mode, labels] of Object.entries(REQUESTS) as [Mode, readonly string[]][]) {
    const gateway = await startGateway(local.cluster)
    const kusto = new KustoConnector({ cluster: gateway.url, database: local.database })
    await seed(direct, `Plain_${mode}`)
    await kusto.write(`Plain_${mode}`, threeBlobs(), { ...SMALL, mode })
    const others = mode === 'replace' ? REQUESTS.transactional : []
    expect(new Set([...gateway.seen, ...others])).toEqual(new Set([...labels, ...others]))
    await kusto.close()
    await gateway.close()
  }
})

describe.each(Object.keys(REQUESTS) as Mode[])('%s: a request that is', (mode) => {
  it.each(Object.keys(INTERRUPTIONS))(
    '%s leaves the table complete or untouched, whichever request it is',
    { timeout: 600_000 },
    async (name) => {
      const cases = await pLimit(6).map(REQUESTS[mode], (label) => interrupted(name, mode, label))
      await operationsSettled(direct)
      const staging = await stagingByTarget(direct)
      for (const each of cases) {
        const { label, table, outcome } = each
        try {
          check(each, { state: await state(direct, table), staging: staging.get(table) ?? [] }, mode)
        } catch (cause) {
          throw new Error(`${mode}, ${label}`, { cause })
        }
        if (!name.startsWith('aborted') || 'receipt' in outcome) continue
        const { error } = outcome
        // The reason itself where nothing is left to tell, else the cause of what tells it.
        const told = error === REASON ? error : ((error as Error).cause as Error | AggregateError)
        expect('errors' in told ? told.errors : [told], label).toContain(REASON)
      }
    },
  )
})
