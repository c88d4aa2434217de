import { describe, expect, it } from 'vitest'
import { clusterStreaming } from '../../src/streaming/cluster-streaming.ts'
import type { ClusterStreaming } from '../../src/streaming/cluster-streaming.ts'
import type { ClusterOperationEvent } from '../../src/streaming/cluster-operation.ts'
import { startArmServer } from './arm-server.ts'
import type { ArmBehaviour, ArmServer } from './arm-server.ts'

const ENDS_WELL: ArmBehaviour = { follow: 'Azure-AsyncOperation', running: 2, end: 'Succeeded' }

const open = (server: ArmServer, cluster = 'mine'): ClusterStreaming =>
  clusterStreaming({
    subscriptionId: 'sub',
    resourceGroup: 'group',
    cluster,
    credential: { getToken: async () => ({ token: 'secret-token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
    endpoint: 'https://management.test',
    httpClient: server.httpClient,
    pollIntervalMs: 1,
  })

describe('clusterStreaming', () => {
  it('streaming:C45 shows whether streaming is on, and the addresses of both endpoints', async () => {
    await using server = await startArmServer(ENDS_WELL)
    expect(await open(server).show()).toEqual({
      isEnabled: false,
      state: 'Running',
      provisioningState: 'Succeeded',
      uri: 'https://mine.westeurope.kusto.windows.net',
      dataIngestionUri: 'https://ingest-mine.westeurope.kusto.windows.net',
    })
    expect(server.requests[0]?.authorization).toBe('Bearer secret-token')
  })

  it.each(['Azure-AsyncOperation', 'Location'] as const)(
    'streaming:C45 enables and disables, following the header %s and telling of progress',
    async (follow) => {
      for (const isEnabled of [true, false]) {
        await using server = await startArmServer({ ...ENDS_WELL, follow })
        const events: ClusterOperationEvent[] = []
        const onEvent = (event: ClusterOperationEvent): void => void events.push(event)
        const streaming = open(server)
        const operation = await (isEnabled ? streaming.enable({ onEvent }) : streaming.disable({ onEvent }))
        expect([operation.isEnabled, operation.status]).toEqual([isEnabled, 'running'])
        expect(await operation.done()).toMatchObject({ isEnabled })
        expect(operation.status).toBe('succeeded')
        expect(events.at(-1)).toMatchObject({ kind: 'cluster-operation', isEnabled, status: 'succeeded' })
        const [change] = server.requests.filter(({ method }) => method === 'PATCH')
        expect(change?.body).toEqual({ properties: { enableStreamingIngest: isEnabled } })
      }
    },
  )

  it('streaming:C45 fails with the reason of Azure, without secrets in it', async () => {
    await using server = await startArmServer({ ...ENDS_WELL, end: 'Failed' })
    const operation = await open(server).enable()
    const error: unknown = await operation.done().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'KUSTO_CLUSTER_UPDATE_FAILED',
      message: expect.stringContaining('CapacityReached') as unknown,
    })
    expect(String(error)).not.toContain('abcdefghijklmnop')
    expect(operation.status).toBe('failed')
  })

  it('says when the caller lacks the right, or there is no such cluster', async () => {
    await using refusing = await startArmServer({ ...ENDS_WELL, refuse: 403 })
    await expect(open(refusing).enable()).rejects.toMatchObject({ code: 'KUSTO_MANAGEMENT_DENIED' })
    await using server = await startArmServer(ENDS_WELL)
    await expect(open(server, 'other').show()).rejects.toMatchObject({
      code: 'KUSTO_CLUSTER_UPDATE_FAILED',
      status: 404,
      innerCode: 'ResourceNotFound',
    })
  })

  it('streaming:C45 stops waiting when it is cancelled or aborted, and leaves no request behind', async () => {
    await using server = await startArmServer({ ...ENDS_WELL, running: 1_000_000 })
    const cancelled = await open(server).enable()
    const waiting = cancelled.done()
    cancelled.cancel()
    await expect(waiting).rejects.toMatchObject({ code: 'KUSTO_CLUSTER_WAIT_CANCELLED' })
    await expect(cancelled.done()).rejects.toMatchObject({ code: 'KUSTO_CLUSTER_WAIT_CANCELLED' })

    const reason = new Error('enough')
    const controller = new AbortController()
    const aborted = (await open(server).enable()).done({ signal: controller.signal })
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await expect((await open(server).enable()).done({ timeoutMs: 1 })).rejects.toMatchObject({
      code: 'KUSTO_POLL_TIMEOUT',
    })
  })

  it('streaming:C45 is resumed from text without changing the cluster again', async () => {
    await using server = await startArmServer(ENDS_WELL)
    const begun = await open(server).enable()
    const stored = String(begun)
    expect(stored).not.toContain('secret-token')
    const resumed = await open(server).resume(stored)
    expect(await resumed.done()).toMatchObject({ isEnabled: true })
    expect(server.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(1)
    await expect(open(server).resume('{}')).rejects.toMatchObject({ code: 'KUSTO_BAD_OPERATION' })
  })

  it('refuses options it does not know', () => {
    const credential = { getToken: async () => null }
    const options = { subscriptionId: 's', resourceGroup: 'g', cluster: 'c', credential, region: 'x' }
    expect(() => clusterStreaming(options)).toThrow(/found region/)
  })
})
