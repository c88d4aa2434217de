import { benchCompareCommand } from './bench-compare.ts'
import { benchExportCommand } from './bench-export.ts'
import { benchWriteCommand } from './bench-write.ts'
import { cleanCommand } from './clean.ts'
import type { CliCommand } from './cli-command.ts'
import { commandCommand, schemaCommand, tablesCommand } from './command.ts'
import { completionsCommand } from './completions.ts'
import { doctorCommand } from './doctor.ts'
import { localCommand } from './local.ts'
import { planCommand } from './plan.ts'
import { queryCommand } from './query.ts'
import { readCommand } from './read.ts'
import { receiptCommand } from './receipt.ts'
import { releaseCommand, runPartitionCommand } from './run-partition.ts'
import { writeCommand } from './write.ts'

/** All commands, in the order of the overview. A new command is a file of its own and a line here. */
export const COMMANDS: readonly CliCommand[] = [
  readCommand,
  queryCommand,
  writeCommand,
  receiptCommand,
  planCommand,
  runPartitionCommand,
  releaseCommand,
  commandCommand,
  tablesCommand,
  schemaCommand,
  benchExportCommand,
  benchWriteCommand,
  benchCompareCommand,
  localCommand,
  doctorCommand,
  cleanCommand,
  completionsCommand,
]
