import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KustoUsageError } from '../../errors.ts'
import type { Services } from '../services.ts'
import { Exchange } from './exchange.ts'
import { applyFault } from './fault-answer.ts'
import { LocalError } from './local-error.ts'
import { toLocalError } from './one-api-error.ts'
import { readRequestMessage } from './request-message.ts'
import { findRoute } from './routes.ts'

/** Longer than the idle time of the agents of the official clients, so that they do not meet a closing connection. */
const KEEP_ALIVE_MS = 65_000

/** An HTTP server on 127.0.0.1. */
export interface HttpServer {
  readonly port: number
  /** Ends all connections and stops listening. */
  close(): Promise<void>
}

/**
 * Serves Kusto's REST API.
 *
 * @throws {KustoUsageError} LOCAL_PORT_IN_USE when the port is taken
 */
export async function serveHttp(services: Services, port: number): Promise<HttpServer> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    void answer(services, request, response)
  })
  await listen(server, port)
  return {
    port: (server.address() as AddressInfo).port,
    async close(): Promise<void> {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE'
      reject(
        new KustoUsageError(
          taken ? 'LOCAL_PORT_IN_USE' : 'LOCAL_PORT',
          taken
            ? `port ${port} on 127.0.0.1 is already in use: choose another one, or 0 for any free port`
            : `could not listen on 127.0.0.1:${port}: ${cause.message}`,
          { cause },
        ),
      )
    })
    server.listen({ port, host: '127.0.0.1' }, resolve)
  })
}

async function answer(services: Services, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const exchange = new Exchange(request, response)
  try {
    await dispatch(services, exchange)
  } catch (error) {
    if (exchange.signal.aborted) return
    // Half an answer cannot be taken back: a cut connection tells the client that it is not complete.
    if (exchange.started) exchange.reset()
    else await exchange.sendError(toLocalError(error)).catch(() => exchange.reset())
  } finally {
    exchange.discardBody()
  }
}

async function dispatch(services: Services, exchange: Exchange): Promise<void> {
  const { route, methods, parameters } = findRoute(exchange)
  if (route === undefined) {
    exchange.discardBody()
    const missing = methods.length === 0
    const problem = missing
      ? new LocalError('NotFound', `there is nothing at ${exchange.path}`, { status: 404 })
      : new LocalError('MethodNotAllowed', `${exchange.path} does not take ${exchange.method}`, { status: 405 })
    await exchange.sendError(problem, missing ? {} : { Allow: methods.join(', ') })
    return
  }
  const message = route.reads === 'message' ? await readRequestMessage(exchange) : undefined
  if (message !== undefined) {
    exchange.errorContext = { ...exchange.errorContext, database: message.database, text: message.text }
  }
  const fault = services.faults.take({
    path: exchange.path,
    method: exchange.method,
    text: message?.text,
    clientRequestId: exchange.clientRequestId,
  })
  if (fault !== undefined && (await applyFault(exchange, fault))) return
  await route.answer({ services, exchange, parameters, fault, message })
}
