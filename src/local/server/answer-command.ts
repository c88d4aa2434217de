import { runCommand } from '../commands/run-command.ts'
import { findArrow } from '../commands/scan.ts'
import { syntaxError } from '../engine/entity-errors.ts'
import { withoutAlias } from '../engine/query.ts'
import type { Services } from '../services.ts'
import { commandAnswer, pipedCommandAnswer } from './encode-v1.ts'
import type { Exchange } from './exchange.ts'
import { LocalError } from './local-error.ts'
import type { RequestMessage } from './request-message.ts'
import { COMMAND_TIMEOUT_MS, flagOption, timeoutOption } from './request-options.ts'
import { RequestRun } from './request-run.ts'

/** Runs a management command and sends its one table. */
export async function answerCommand(services: Services, exchange: Exchange, message: RequestMessage): Promise<void> {
  const text = withoutLeadingComments(message.text)
  if (!text.startsWith('.')) throw syntaxError('a management command begins with a dot; send queries to /v2/rest/query')
  if (isReadOnly(exchange, message) && !/^\.(show|get)\b/i.test(text)) {
    throw new LocalError('Forbidden', 'the request is read-only and the command would change something', {
      status: 403,
      type: 'Kusto.Data.Exceptions.KustoRequestDeniedException',
    })
  }
  const run = new RequestRun({
    requests: services.requests,
    clientRequestId: exchange.clientRequestId,
    clientGone: exchange.signal,
    timeoutMs: timeoutOption(message.options, COMMAND_TIMEOUT_MS),
  })
  try {
    const database = withoutAlias(services, message.database)
    const { options } = message
    const { clientRequestId } = exchange
    const result = await runCommand(services, { text, database, options, clientRequestId, signal: run.signal })
    const body = (await isPiped(services, text, database))
      ? pipedCommandAnswer(result.columns, result.rows, exchange.errorContext)
      : commandAnswer(result.columns, result.rows)
    await exchange.send(200, body)
  } catch (error) {
    if (exchange.signal.aborted) return
    throw run.explain(error)
  } finally {
    run.end()
  }
}

/** Whether the request must not change anything. */
export function isReadOnly(exchange: Exchange, message: RequestMessage): boolean {
  return (
    exchange.header('x-ms-readonly') !== undefined ||
    flagOption(message.options, 'request_readonly') ||
    flagOption(message.options, 'request_readonly_hardline')
  )
}

function withoutLeadingComments(text: string): string {
  return text.replace(/^(?:\s+|\/\/[^\n]*(?:\n|$))+/, '')
}

/** `.show tables | count`: its answer has the form of a query's. */
async function isPiped(services: Services, text: string, database: string): Promise<boolean> {
  if (!text.replaceAll('<|', '').includes('|')) return false
  const analysis = await services.language.analyze(text, { database })
  if (analysis.kind !== 'command' || analysis.pipe === undefined) return false
  const arrow = findArrow(text)
  return arrow === undefined || analysis.pipe.start <= arrow
}
