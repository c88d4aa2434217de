import { ticksFromUnixMs } from '../../base/ticks.ts'
import { badRequest, entityNotFound } from '../engine/entity-errors.ts'
import type { OperationRecord } from '../engine/operations.ts'
import { NO_EXTENT } from '../engine/extents.ts'
import { Properties } from './command-arguments.ts'
import {
  schemaOf,
  tableOf,
  type CommandContext,
  type CommandFamily,
  type CommandResult,
  type RowRecord,
} from './command.ts'
import { Scanner } from './scan.ts'

/** Commands about operations and running queries. */
export const OPERATION_COMMANDS: CommandFamily = {
  ShowOperations: { run: show, anyDatabase: true },
  ShowOperationDetails: { run: details, anyDatabase: true },
  CancelOperation: { run: cancel, anyDatabase: true },
  CancelQuery: { run: (context) => cancelQuery(context, context.args.one('ClientRequestId')), anyDatabase: true },
  ShowIngestionFailures: { run: ingestionFailures },
}

const CANCEL_OPERATION = schemaOf(
  'OperationId:guid,Operation:string,StartedOn:datetime,CancellationState:string,ReasonPhrase:string',
)
const CANCEL_QUERY = schemaOf('ClientRequestId:string,Status:string')

function show(context: CommandContext): CommandResult {
  const { args, services } = context
  const wanted = args.all('OperationId').map((id) => id.toLowerCase())
  const records =
    wanted.length === 0 ? services.operations.list() : wanted.flatMap((id) => services.operations.get(id) ?? [])
  return tableOf(context.columns, records.map(operationRow))
}

function operationRow(record: OperationRecord): RowRecord {
  return {
    OperationId: record.id,
    Operation: record.kind,
    NodeId: 'KEngine000000',
    StartedOn: record.startedTicks,
    LastUpdatedOn: record.updatedTicks,
    Duration: (record.state === 'InProgress' ? ticksFromUnixMs(Date.now()) : record.updatedTicks) - record.startedTicks,
    State: record.state,
    Status: record.status,
    RootActivityId: record.id,
    ShouldRetry: record.shouldRetry,
    Database: record.database,
  }
}

function details(context: CommandContext): CommandResult {
  const record = requireOperation(context, context.args.one('OperationId'))
  if (record.state === 'InProgress') throw badRequest(`operation ${record.id} has not completed`)
  if (record.details === undefined) {
    throw badRequest(`operation ${record.id} is ${record.state} and has no persisted details`)
  }
  return record.details
}

async function cancel(context: CommandContext): Promise<CommandResult> {
  const scanner = new Scanner(context.text)
  scanner.expect('.', 'cancel', 'operation')
  const id = scanner.guid()
  const reason = new Properties('CancelOperation', ['reason'], scanner.properties()).text('reason') ?? ''
  scanner.end()
  const record = requireOperation(context, id)
  const done = await context.services.operations.cancel(id, reason)
  return tableOf(CANCEL_OPERATION, [
    {
      OperationId: id,
      Operation: record.kind,
      StartedOn: record.startedTicks,
      CancellationState: done ? 'Cancelled successfully' : 'Cancel failed',
      ReasonPhrase: reason,
    },
  ])
}

/** Stops the requests with this client request id. */
export function cancelQuery(context: CommandContext, id: string): CommandResult {
  if (context.services.requests.cancel(id) === 0) throw entityNotFound('Query', id)
  return tableOf(CANCEL_QUERY, [{ ClientRequestId: id, Status: 'Cancelled' }])
}

/** Failed ingestions by command, from the log of operations. */
function ingestionFailures(context: CommandContext): CommandResult {
  const { args, database, services } = context
  const only = args.maybe('OperationId')?.toLowerCase()
  const failed = services.operations
    .list()
    .filter(({ kind, state }) => /^(DataIngest|Table(Set|Append))/.test(kind) && /^(Failed|Throttled)$/.test(state))
    .filter((record) => record.database === database.name && (only === undefined || record.id === only))
  return tableOf(
    context.columns,
    failed.map((record) => ({
      OperationId: record.id,
      Database: record.database,
      FailedOn: record.updatedTicks,
      Details: record.status,
      FailureKind: record.shouldRetry ? 'Transient' : 'Permanent',
      RootActivityId: NO_EXTENT,
      OperationKind: record.kind,
      OriginatesFromUpdatePolicy: false,
      ShouldRetry: record.shouldRetry,
    })),
  )
}

function requireOperation(context: CommandContext, id: string): OperationRecord {
  const record = context.services.operations.get(id)
  if (record === undefined) throw entityNotFound('Operation', id)
  return record
}
