import type { CommandRow } from '../client/command-table.ts'
import type { KustoRest } from '../client/kusto-rest.ts'
import { KustoServiceError } from '../errors.ts'
import { getIngestionResources, getKustoIdentityToken } from '../kql/commands/operation-commands.ts'
import type { Kql } from '../kql/kql.ts'
import type { IngestionService } from './ingestion-service.ts'
import { queueIngestion } from './queue-ingestion.ts'
import type { AccountRanks } from './rank-accounts.ts'
import { openRestIngestion } from './rest-ingestion.ts'

/** `auto`: REST, or the storage queue where there is no REST. */
export type IngestionVia = 'auto' | 'rest' | 'queue'

export interface DiscoveryContext {
  readonly database: string
  readonly rest: KustoRest
  /** What is known of the storage accounts, beyond the life of one discovery. */
  readonly ranks: AccountRanks
  /** Runs a command on the ingestion endpoint. */
  ingestionCommand(csl: Kql, signal: AbortSignal | undefined): Promise<readonly CommandRow[]>
}

/**
 * The way into the service's queue: REST where the service has it, storage queues otherwise.
 * @throws {KustoServiceError} KUSTO_NO_REST_INGESTION when REST is demanded and not there
 */
export async function discoverIngestion(
  context: DiscoveryContext,
  via: IngestionVia,
  signal: AbortSignal,
): Promise<IngestionService> {
  const rest = via === 'queue' ? undefined : await openRestIngestion(context.rest, context.database, signal)
  // A service that offers REST without containers to stage in serves those who bring their own; others may queue.
  if (rest !== undefined && (via === 'rest' || rest.containers.length > 0)) return rest
  if (via === 'rest') {
    throw new KustoServiceError(
      'KUSTO_NO_REST_INGESTION',
      'the ingestion endpoint does not offer REST queued ingestion',
      { status: 404 },
    )
  }
  const resources = await context.ingestionCommand(getIngestionResources(), signal)
  const token = await context.ingestionCommand(getKustoIdentityToken(), signal)
  return queueIngestion({
    database: context.database,
    resources,
    ranks: context.ranks,
    authorizationContext: token[0]?.text('AuthorizationContext') ?? '',
  })
}
