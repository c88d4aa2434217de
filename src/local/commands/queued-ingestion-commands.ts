import { syntaxError } from '../engine/entity-errors.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { Scanner } from './scan.ts'

/** `.show queued ingestion operations "<id>"[, ...] [details]`; ids that are not known give no row. */
export function showQueuedIngestion(context: CommandContext): CommandResult {
  const scanner = new Scanner(context.text)
  scanner.expect('.', 'show', 'queued', 'ingestion', 'operations')
  const ids = [operationId(scanner)]
  while (scanner.accept(',')) ids.push(operationId(scanner))
  const details = scanner.accept('details')
  scanner.end()
  const { queuedIngestion } = context.services
  if (!details) return queuedIngestion.show(ids)
  const tables = ids.map((id) => queuedIngestion.showDetails(id))
  return { columns: tables[0]?.columns ?? [], rows: tables.flatMap(({ rows }) => rows) }
}

/** `.cancel queued ingestion operation "<id>"`: what has not started is left out; the summary tells how far it came. */
export function cancelQueuedIngestion(context: CommandContext): CommandResult {
  const scanner = new Scanner(context.text)
  scanner.expect('.', 'cancel', 'queued', 'ingestion', 'operation')
  const id = operationId(scanner)
  scanner.end()
  return context.services.queuedIngestion.cancel(id)
}

/** The id as a string, or bare where it is a guid. */
function operationId(scanner: Scanner): string {
  if (scanner.next.kind === 'guid') return scanner.guid()
  const { start } = scanner.next
  const id = scanner.string()
  if (id === '') throw syntaxError('expected the id of an ingestion operation', start)
  return id
}
