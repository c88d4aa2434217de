import type { TokenCredential } from '@azure/core-auth'
import type { HttpClient } from '@azure/core-rest-pipeline'
import { KustoUsageError } from '../errors.ts'

/** Where a cluster's resource lies, and who asks. */
export interface ArmAddress {
  readonly subscriptionId: string
  readonly resourceGroup: string
  /** The resource's name, `mycluster`. */
  readonly cluster: string
  readonly credential: TokenCredential
  /** Azure Resource Manager. Default the public cloud's, `https://management.azure.com`. */
  readonly endpoint?: string
  /** Sends the requests, for example through a proxy of your own. */
  readonly httpClient?: HttpClient
}

/** What is read of a cluster's resource. */
export interface ArmCluster {
  readonly enableStreamingIngest?: boolean
  readonly state?: string
  readonly provisioningState?: string
  readonly uri?: string
  readonly dataIngestionUri?: string
}

/** A long-running operation, as the management package has it. */
export interface ArmPoller {
  pollUntilDone(options?: { readonly abortSignal?: AbortSignal }): Promise<ArmCluster>
  onProgress(callback: (state: { readonly status: string }) => void): unknown
  isDone(): boolean
  getOperationState(): { readonly status: string }
  toString(): string
}

/** The two calls of Azure Resource Manager that are needed. */
export interface ArmClusters {
  get(signal: AbortSignal | undefined): Promise<ArmCluster>
  /** Sends the change; with `resumeFrom`, follows one that was sent before. */
  setStreaming(
    isEnabled: boolean,
    options: { readonly intervalMs: number; readonly resumeFrom?: string; readonly signal: AbortSignal | undefined },
  ): Promise<ArmPoller>
}

const PACKAGE = '@azure/arm-kusto'
const VERSION = '8.1.0'

/**
 * Loads the management package, which reading and writing never do.
 * @throws {KustoUsageError} KUSTO_NO_MANAGEMENT_PACKAGE when it is not installed
 */
export async function openArmClusters(address: ArmAddress): Promise<ArmClusters> {
  const { KustoManagementClient } = await loadManagement()
  const { credential, subscriptionId, resourceGroup, cluster, endpoint, httpClient } = address
  const client = new KustoManagementClient(credential, subscriptionId, {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(httpClient === undefined ? {} : { httpClient }),
  })
  return {
    get: (signal) => client.clusters.get(resourceGroup, cluster, signal === undefined ? {} : { abortSignal: signal }),
    setStreaming: (enableStreamingIngest, { intervalMs, resumeFrom, signal }) =>
      client.clusters.beginUpdate(
        resourceGroup,
        cluster,
        { enableStreamingIngest },
        {
          updateIntervalInMs: intervalMs,
          ...(resumeFrom === undefined ? {} : { resumeFrom }),
          ...(signal === undefined ? {} : { abortSignal: signal }),
        },
      ),
  }
}

async function loadManagement(): Promise<typeof import('@azure/arm-kusto')> {
  try {
    return await import('@azure/arm-kusto')
  } catch (cause) {
    throw new KustoUsageError(
      'KUSTO_NO_MANAGEMENT_PACKAGE',
      `switching streaming for a cluster needs a package that is not installed: npm install ${PACKAGE}@${VERSION}`,
      { cause },
    )
  }
}
