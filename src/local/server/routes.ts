import type { FaultAction } from '../faults.ts'
import type { Services } from '../services.ts'
import { answerCommand } from './answer-command.ts'
import { ingestionConfiguration } from '../ingest/queued-rest.ts'
import { answerQueuedIngestion, answerQueuedStatus, answerStreamingIngest } from './answer-ingest.ts'
import { answerQuery } from './answer-query.ts'
import type { Exchange } from './exchange.ts'
import { LocalError } from './local-error.ts'
import { CLOUD_METADATA } from './metadata.ts'
import type { RequestMessage } from './request-message.ts'

/** A request on its way to the code that answers it. */
export interface RoutedRequest {
  readonly services: Services
  readonly exchange: Exchange
  /** Values of the `:name` segments, decoded. */
  readonly parameters: ReadonlyMap<string, string>
  readonly fault: FaultAction | undefined
  /** The query or command, for routes that read one. */
  readonly message: RequestMessage | undefined
}

export interface Route {
  readonly methods: readonly string[]
  /** Segments; `:name` takes any value. */
  readonly path: string
  /** Whether the request carries a query or command. */
  readonly reads?: 'message'
  readonly answer: (request: RoutedRequest) => Promise<void>
}

const ROUTES: readonly Route[] = [
  {
    methods: ['GET'],
    path: 'v1/rest/auth/metadata',
    answer: ({ exchange, fault }) =>
      exchange.sendJson(200, fault?.nullMetadata === true ? { AzureAD: null } : CLOUD_METADATA),
  },
  {
    methods: ['GET', 'POST'],
    path: 'v2/rest/query',
    reads: 'message',
    answer: (request) =>
      answerQuery(request.services, request.exchange, messageOf(request), { version: 'v2', fault: request.fault }),
  },
  {
    methods: ['GET', 'POST'],
    path: 'v1/rest/query',
    reads: 'message',
    answer: (request) =>
      answerQuery(request.services, request.exchange, messageOf(request), { version: 'v1', fault: request.fault }),
  },
  {
    methods: ['POST'],
    path: 'v1/rest/mgmt',
    reads: 'message',
    answer: (request) => answerCommand(request.services, request.exchange, messageOf(request)),
  },
  {
    methods: ['POST'],
    path: 'v1/rest/ingest/:database/:table',
    answer: answerStreamingIngest,
  },
  {
    methods: ['GET'],
    path: 'v1/rest/ingestion/configuration',
    answer: ({ exchange, services }) => exchange.sendJson(200, ingestionConfiguration(services.storage)),
  },
  {
    methods: ['POST'],
    path: 'v1/rest/ingestion/queued/:database/:table',
    answer: answerQueuedIngestion,
  },
  {
    methods: ['GET'],
    path: 'v1/rest/ingestion/queued/:database/:table/:operation',
    answer: answerQueuedStatus,
  },
]

/** The route for a request, or the methods that its path does take. */
export function findRoute(exchange: Exchange): {
  readonly route: Route | undefined
  readonly methods: readonly string[]
  readonly parameters: ReadonlyMap<string, string>
} {
  const methods: string[] = []
  for (const route of ROUTES) {
    const parameters = matchPath(route.path, exchange.segments)
    if (parameters === undefined) continue
    if (route.methods.includes(exchange.method)) return { route, methods, parameters }
    methods.push(...route.methods)
  }
  return { route: undefined, methods, parameters: new Map() }
}

function matchPath(path: string, segments: readonly string[]): ReadonlyMap<string, string> | undefined {
  const wanted = path.split('/')
  if (wanted.length !== segments.length) return undefined
  const parameters = new Map<string, string>()
  for (const [index, part] of wanted.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith(':')) parameters.set(part.slice(1), segment)
    else if (part !== segment.toLowerCase()) return undefined
  }
  return parameters
}

function messageOf({ message }: RoutedRequest): RequestMessage {
  if (message === undefined) throw new LocalError('BadRequest', 'the request carries no query or command')
  return message
}
