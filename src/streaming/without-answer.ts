import { mayHaveArrived } from '../client/network-error.ts'
import { KustoAuthError, KustoServiceError, KustoUsageError } from '../errors.ts'

/** Whether the service may have taken a submission that failed like this. */
export function isWithoutAnswer(error: unknown): boolean {
  if (error instanceof KustoAuthError || error instanceof KustoUsageError) return false
  if (error instanceof KustoServiceError) return error.status >= 500 && error.status !== 503
  return mayHaveArrived(error)
}
