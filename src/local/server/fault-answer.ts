import { setTimeout as delay } from 'node:timers/promises'
import type { FaultAction } from '../faults.ts'
import type { Exchange } from './exchange.ts'
import { LocalError } from './local-error.ts'

interface StatusError {
  readonly code: string
  readonly type: string
  readonly permanent: boolean
  readonly message: string
}

/** What the service says with each status. */
const STATUS_ERRORS: ReadonlyMap<number, StatusError> = new Map([
  [401, error('Unauthorized', 'KustoUnauthorizedException', true, 'the request is not authenticated')],
  [403, error('Forbidden', 'KustoRequestDeniedException', true, 'the principal is not authorized')],
  [404, error('BadRequest_EntityNotFound', 'EntityNotFoundException', true, 'the entity was not found')],
  [409, error('General_Conflict', 'KustoConflictException', false, 'the entity is being changed by another request')],
  [
    413,
    error('RequestPayloadTooLarge', 'KustoRequestPayloadTooLargeException', true, 'the request payload is too large'),
  ],
  [429, error('TooManyRequests', 'KustoRequestThrottledException', false, 'the request was throttled, retry later')],
  [500, error('InternalServiceError', 'KustoServiceException', false, 'an internal error happened')],
  [502, error('BadGateway', 'KustoServiceException', false, 'the gateway had no valid answer')],
  [503, error('ServiceUnavailable', 'KustoServiceException', false, 'the service is not available')],
  [504, error('RequestExecutionTimeout', 'KustoServiceTimeoutException', false, 'the request timed out')],
  [520, error('InternalServiceError', 'KustoServiceException', false, 'an unknown error happened')],
])

/** Carries out an injected fault; true when it has given the whole answer. */
export async function applyFault(exchange: Exchange, fault: FaultAction): Promise<boolean> {
  if (fault.delayMs !== undefined) {
    try {
      await delay(fault.delayMs, undefined, { signal: exchange.signal })
    } catch (cause) {
      if (exchange.signal.aborted) return true
      throw cause
    }
  }
  if (fault.reset === true) {
    exchange.reset()
    return true
  }
  exchange.truncateAfterBytes = fault.truncateAfterBytes
  exchange.dropAnswer = fault.dropAnswer === true
  if (fault.status === undefined) return false
  exchange.discardBody()
  const headers = fault.headers ?? {}
  if (typeof fault.body === 'string') await exchange.send(fault.status, fault.body, headers)
  else if (fault.body !== undefined) await exchange.sendJson(fault.status, fault.body, headers)
  else await exchange.sendError(statusError(fault.status), headers)
  return true
}

function statusError(status: number): LocalError {
  const known = STATUS_ERRORS.get(status) ?? error('InjectedFault', 'KustoServiceException', false, 'injected fault')
  return new LocalError(known.code, known.message, { status, permanent: known.permanent, type: known.type })
}

function error(code: string, type: string, permanent: boolean, message: string): StatusError {
  return { code, type: `Kusto.Data.Exceptions.${type}`, permanent, message }
}
