import {
  createEmptyPipeline,
  proxyPolicy,
  tracingPolicy,
  type Pipeline,
  type PipelinePolicy,
} from '@azure/core-rest-pipeline'
import { isLoopback } from '../protocol/cluster-url.ts'

/** What every request to an address goes through: the proxy of the environment, traces, and the caller's own policies. */
export function requestPipeline(origin: string, policies: readonly PipelinePolicy[] = []): Pipeline {
  const pipeline = createEmptyPipeline()
  // A proxy would see what goes to this machine in clear, and could not reach it.
  if (!isLoopback(new URL(origin).hostname)) pipeline.addPolicy(proxyPolicy())
  pipeline.addPolicy(tracingPolicy({ additionalAllowedQueryParameters: [] }), { afterPhase: 'Retry' })
  for (const policy of policies) pipeline.addPolicy(policy)
  return pipeline
}
