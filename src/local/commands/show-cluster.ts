import { arch, cpus, freemem, hostname, platform, totalmem } from 'node:os'
import { ticksFromUnixMs } from '../../base/ticks.ts'
import { notSupported } from '../server/local-error.ts'
import { tableOf, type CommandContext, type CommandFamily, type CommandResult } from './command.ts'

/** Commands that show the service itself. Lists of things that cannot be created here are empty, which is exact. */
export const SHOW_CLUSTER_COMMANDS: CommandFamily = {
  ShowVersion: { run: version, anyDatabase: true },
  ShowCluster: { run: cluster, anyDatabase: true },
  ShowCapacity: { run: capacity, anyDatabase: true },
  ShowMaterializedViews: { run: empty },
  ShowFunctions: { run: empty },
  ShowExternalTables: { run: empty },
  ShowContinuousExports: { run: empty },
}

const STARTED = ticksFromUnixMs(Date.now())

function version(context: CommandContext): CommandResult {
  return tableOf(context.columns, [
    {
      BuildVersion: '1.0.0.0',
      BuildTime: STARTED,
      ServiceType: 'Engine',
      ProductVersion: 'kusto-arrow embedded emulator',
    },
  ])
}

function cluster(context: CommandContext): CommandResult {
  return tableOf(context.columns, [
    {
      NodeId: 'KEngine000000',
      Address: context.services.url(),
      Name: hostname(),
      StartTime: STARTED,
      IsAdmin: true,
      MachineTotalMemory: BigInt(totalmem()),
      MachineAvailableMemory: BigInt(freemem()),
      ProcessorCount: cpus().length,
      EnvironmentDescription: `embedded emulator on ${platform()} ${arch()}`,
    },
  ])
}

/** What runs of each kind of operation. The totals are the one machine's cores; nothing is ever refused for capacity. */
const CAPACITY_KINDS: ReadonlyMap<string, RegExp> = new Map([
  ['ingestions', /^(DataIngest|Table(Set|Append))/],
  ['data-export', /^DataExport/],
])

function capacity(context: CommandContext): CommandResult {
  const { args, services } = context
  if (args.maybe('Scope') !== undefined) throw notSupported('.show capacity with (scope=...)')
  const wanted = args.maybe('Resource')?.toLowerCase()
  if (wanted !== undefined && !CAPACITY_KINDS.has(wanted)) throw notSupported(`.show capacity ${wanted}`)
  const running = services.operations.list().filter(({ state }) => state === 'InProgress')
  const rows = [...CAPACITY_KINDS]
    .filter(([resource]) => wanted === undefined || resource === wanted)
    .map(([resource, kinds]) => {
      const consumed = running.filter(({ kind }) => kinds.test(kind)).length
      const total = Math.max(cpus().length, consumed)
      return {
        Resource: resource === 'ingestions' ? 'Ingestions' : 'DataExport',
        Total: BigInt(total),
        Consumed: BigInt(consumed),
        Remaining: BigInt(total - consumed),
      }
    })
  return tableOf(context.columns, rows)
}

function empty(context: CommandContext): CommandResult {
  return tableOf(context.columns, [])
}
