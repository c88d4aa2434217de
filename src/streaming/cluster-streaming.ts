import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoUsageError } from '../errors.ts'
import { armError } from './arm-error.ts'
import { openArmClusters } from './arm-clusters.ts'
import type { ArmAddress, ArmCluster, ArmClusters } from './arm-clusters.ts'
import { ClusterOperation, clusterState } from './cluster-operation.ts'
import type { ClusterOperationEvent, ClusterStreamingState } from './cluster-operation.ts'

export interface ClusterStreamingOptions extends ArmAddress {
  /** Between two looks at an operation, where Azure does not say. Default 15,000. */
  readonly pollIntervalMs?: number
}

export interface ClusterOperationOptions {
  /** Ends the request, or the wait; not what Azure has begun. */
  readonly signal?: AbortSignal
  /** Told after every look. */
  readonly onEvent?: (event: ClusterOperationEvent) => void
}

/** Streaming ingestion of a whole cluster, through Azure Resource Manager. */
export interface ClusterStreaming {
  show(options?: { readonly signal?: AbortSignal }): Promise<ClusterStreamingState>
  /** Begins to switch it on; takes minutes, and costs memory and disk of the cluster even when it is not used. */
  enable(options?: ClusterOperationOptions): Promise<ClusterOperation>
  /** Begins to switch it off; can take hours. Drop the streaming policies first, so that streamed rows move on to extents. */
  disable(options?: ClusterOperationOptions): Promise<ClusterOperation>
  /** Goes on waiting for an operation that was stored as text, in this process or another one. */
  resume(stored: string, options?: ClusterOperationOptions): Promise<ClusterOperation>
}

const NAMES: readonly (keyof ClusterStreamingOptions)[] = [
  'subscriptionId',
  'resourceGroup',
  'cluster',
  'credential',
  'endpoint',
  'httpClient',
  'pollIntervalMs',
]
const POLL_INTERVAL_MS = 15_000

/**
 * Opens the switches of a cluster of Azure Data Explorer. Needs the optional package `@azure/arm-kusto`, loaded at the first
 * call, and the role Contributor on the cluster. Eventhouses of Fabric and free clusters have no such switch: they always
 * stream.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION
 */
export function clusterStreaming(options: ClusterStreamingOptions): ClusterStreaming {
  checkNames(options, NAMES)
  const intervalMs = wholeNumber('pollIntervalMs', options.pollIntervalMs ?? POLL_INTERVAL_MS, 3_600_000)
  let opened: Promise<ArmClusters> | undefined
  const clusters = async (): Promise<ArmClusters> => {
    opened ??= openArmClusters(options)
    try {
      return await opened
    } catch (error) {
      opened = undefined
      throw error
    }
  }
  const get = async (signal: AbortSignal | undefined): Promise<ArmCluster> => {
    const arm = await clusters()
    try {
      return await arm.get(signal)
    } catch (error) {
      throw armError('read', options.cluster, { error, signal })
    }
  }
  const follow = async (
    isEnabled: boolean,
    call: ClusterOperationOptions,
    resumeFrom?: string,
  ): Promise<ClusterOperation> => {
    checkNames(call, ['signal', 'onEvent'])
    const { signal, onEvent = () => undefined } = call
    const arm = await clusters()
    signal?.throwIfAborted()
    try {
      const resume = resumeFrom === undefined ? {} : { resumeFrom }
      const poller = await arm.setStreaming(isEnabled, { intervalMs, signal, ...resume })
      return new ClusterOperation({ poller, isEnabled, onEvent, cluster: options.cluster })
    } catch (error) {
      throw armError('change', options.cluster, { error, signal })
    }
  }
  return {
    show: async (call = {}) => {
      checkNames(call, ['signal'])
      return clusterState(await get(call.signal))
    },
    enable: (call = {}) => follow(true, call),
    disable: (call = {}) => follow(false, call),
    resume: async (stored, call = {}) => {
      const { isEnabled, operation } = parseStored(stored)
      return follow(isEnabled, call, operation)
    },
  }
}

function parseStored(text: string): { readonly isEnabled: boolean; readonly operation: string } {
  let stored: unknown
  try {
    stored = JSON.parse(text)
  } catch {
    stored = undefined
  }
  if (
    typeof stored === 'object' &&
    stored !== null &&
    'kind' in stored &&
    stored.kind === 'kusto-arrow/cluster-operation' &&
    'isEnabled' in stored &&
    typeof stored.isEnabled === 'boolean' &&
    'operation' in stored &&
    typeof stored.operation === 'string'
  ) {
    return { isEnabled: stored.isEnabled, operation: stored.operation }
  }
  throw new KustoUsageError('KUSTO_BAD_OPERATION', 'expected a stored cluster operation, found something else')
}
