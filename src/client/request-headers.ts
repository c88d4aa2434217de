import { randomUUID } from 'node:crypto'
import type { RawHttpHeadersInput } from '@azure/core-rest-pipeline'
import { VERSION } from './version.ts'

/** Who asks, as `.show queries` shows it. */
export interface Caller {
  readonly application?: string
  readonly user?: string
}

export interface RequestHeaderFacts {
  readonly clientRequestId: string
  readonly token: string | undefined
  readonly compression: 'gzip' | 'identity'
  readonly caller: Caller
}

/** The headers every request to a Kusto endpoint carries. */
export function requestHeaders(facts: RequestHeaderFacts): RawHttpHeadersInput {
  const { caller, token } = facts
  return {
    Accept: 'application/json',
    'Accept-Encoding': facts.compression,
    'User-Agent': `kusto-arrow/${VERSION}`,
    'x-ms-version': '2024-12-12',
    'x-ms-client-version': `Kusto.Arrow.Client:{${VERSION}}|Runtime.Node:{${process.version}}`,
    'x-ms-client-request-id': headerText(facts.clientRequestId),
    'x-ms-app': headerText(caller.application ?? 'kusto-arrow'),
    ...(caller.user === undefined ? {} : { 'x-ms-user': headerText(caller.user) }),
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  }
}

/** A fresh id, `KAC.execute;<guid>`: the key to `.cancel query` and to the service's logs. */
export function newClientRequestId(verb: string): string {
  return `KAC.${verb};${randomUUID()}`
}

/** Header values are printable ASCII; anything else becomes `?`, as the service's own clients do. */
function headerText(value: string): string {
  return value.replaceAll(/[^\u0020-\u007e]/gu, '?').trim()
}
