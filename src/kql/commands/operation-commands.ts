import { KustoUsageError } from '../../errors.ts'
import { Kql, kql, text } from '../kql.ts'

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Columns: OperationId, Operation, NodeId, StartedOn, LastUpdatedOn, Duration, State, Status and newer ones. */
export function showOperation(operationId: string): Kql {
  return kql`.show operations ${guid(operationId)}`
}

/** The result the command would have had if it were synchronous; only after it has completed. */
export function showOperationDetails(operationId: string): Kql {
  return kql`.show operation ${guid(operationId)} details`
}

/** Columns: OperationId, Operation, StartedOn, CancellationState, ReasonPhrase. */
export function cancelOperation(operationId: string, reason?: string): Kql {
  const why = reason === undefined ? kql`` : kql` with (reason=${text(reason)})`
  return kql`.cancel operation ${guid(operationId)}${why}`
}

/** Stops the query with this `x-ms-client-request-id`. */
export function cancelQuery(clientRequestId: string): Kql {
  return kql`.cancel query ${text(clientRequestId)}`
}

/** Columns: ResourceTypeName, StorageRoot. Ingestion endpoint. */
export function getIngestionResources(): Kql {
  return kql`.get ingestion resources`
}

/** One row: AuthorizationContext, a secret. Ingestion endpoint. */
export function getKustoIdentityToken(): Kql {
  return kql`.get kusto identity token`
}

/** @throws {KustoUsageError} KUSTO_BAD_GUID when it is not one */
export function guid(value: string): Kql {
  if (GUID.test(value)) return Kql.raw(value.toLowerCase())
  throw new KustoUsageError('KUSTO_BAD_GUID', `expected a guid, found ${JSON.stringify(value.slice(0, 60))}`)
}
