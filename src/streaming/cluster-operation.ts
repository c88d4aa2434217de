import { AbortScope, untilAborted } from '../base/abort.ts'
import { checkNames, wholeNumber } from '../base/check-options.ts'
import { KustoError, KustoNetworkError } from '../errors.ts'
import { armError } from './arm-error.ts'
import type { ArmCluster, ArmPoller } from './arm-clusters.ts'

/** What Azure Resource Manager says of a cluster. */
export interface ClusterStreamingState {
  readonly isEnabled: boolean
  /** `Running`, `Stopped`, `Updating` ... */
  readonly state: string | undefined
  /** `Succeeded`, `Running`, `Failed` ... */
  readonly provisioningState: string | undefined
  /** The engine's address. */
  readonly uri: string | undefined
  /** The ingestion endpoint's address. */
  readonly dataIngestionUri: string | undefined
}

/** Azure was asked how far it is. */
export interface ClusterOperationEvent {
  readonly kind: 'cluster-operation'
  /** What streaming is being switched to. */
  readonly isEnabled: boolean
  /** `running`, `succeeded`, `failed` or `canceled`. */
  readonly status: string
  readonly elapsedMs: number
}

export interface ClusterWaitOptions {
  /** How long to wait. Default 14,400,000 (four hours). */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface ClusterOperationParts {
  readonly poller: ArmPoller
  readonly isEnabled: boolean
  readonly cluster: string
  readonly onEvent: (event: ClusterOperationEvent) => void
}

const TIMEOUT_MS = 14_400_000

/** A change of a cluster that Azure has begun. It goes on there, whether anybody waits or not. */
export class ClusterOperation {
  readonly #parts: ClusterOperationParts
  readonly #startedAt: number = performance.now()
  readonly #cancelled = new AbortController()

  constructor(parts: ClusterOperationParts) {
    this.#parts = parts
    parts.poller.onProgress(({ status }) => this.#tell(status))
  }

  /** What streaming is being switched to. */
  get isEnabled(): boolean {
    return this.#parts.isEnabled
  }

  /** As Azure said last: `running`, `succeeded`, `failed` or `canceled`. */
  get status(): string {
    return this.#parts.poller.getOperationState().status
  }

  /**
   * Waits for the end and gives what the cluster is then.
   * @throws {KustoServiceError} KUSTO_CLUSTER_UPDATE_FAILED with Azure's code as `innerCode`
   * @throws {KustoNetworkError} KUSTO_POLL_TIMEOUT when the time is over; the operation goes on, wait again
   * @throws {KustoError} KUSTO_CLUSTER_WAIT_CANCELLED after `cancel`
   */
  async done(options: ClusterWaitOptions = {}): Promise<ClusterStreamingState> {
    checkNames(options, ['timeoutMs', 'signal'])
    const timeoutMs = wholeNumber('timeoutMs', options.timeoutMs ?? TIMEOUT_MS, Number.MAX_SAFE_INTEGER)
    const { poller, cluster } = this.#parts
    using outer = new AbortScope(options.signal)
    using scope = new AbortScope(this.#cancelled.signal)
    outer.signal.addEventListener('abort', () => scope.abort(outer.signal.reason), { once: true })
    if (outer.signal.aborted) scope.abort(outer.signal.reason)
    scope.limit(
      timeoutMs,
      () => new KustoNetworkError('KUSTO_POLL_TIMEOUT', `cluster ${cluster} was not changed within ${timeoutMs} ms`),
    )
    const { signal } = scope
    try {
      signal.throwIfAborted()
      return clusterState(await untilAborted(poller.pollUntilDone({ abortSignal: signal }), signal))
    } catch (error) {
      throw armError('change', cluster, { error, signal })
    }
  }

  /** Ends every wait. Azure cannot be told to stop: to take the change back, begin the opposite one after it. */
  cancel(): void {
    this.#cancelled.abort(
      new KustoError(
        'KUSTO_CLUSTER_WAIT_CANCELLED',
        `nobody waits any more for the change of cluster ${this.#parts.cluster}, which goes on`,
      ),
    )
  }

  /** Text for `resume`. It may hold the signed address that Azure gave for the operation: keep it as a secret. */
  toString(): string {
    return JSON.stringify({
      kind: 'kusto-arrow/cluster-operation',
      isEnabled: this.#parts.isEnabled,
      operation: this.#parts.poller.toString(),
    })
  }

  #tell(status: string): void {
    const elapsedMs = performance.now() - this.#startedAt
    this.#parts.onEvent({ kind: 'cluster-operation', isEnabled: this.#parts.isEnabled, status, elapsedMs })
  }
}

export function clusterState(cluster: ArmCluster): ClusterStreamingState {
  const { enableStreamingIngest = false, state, provisioningState, uri, dataIngestionUri } = cluster
  return { isEnabled: enableStreamingIngest, state, provisioningState, uri, dataIngestionUri }
}
