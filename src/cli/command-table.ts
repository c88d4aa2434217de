import { benchCompareCommand } from './bench-compare.ts'
import { benchExportCommand } from './bench-export.ts'
import { benchWriteCommand } from './bench-write.ts'
import type { CliCommand } from './cli-command.ts'
import { localCommand } from './local.ts'
import { readCommand } from './read.ts'

/** All commands, in the order of the overview. A new command is a file of its own and a line here. */
export const COMMANDS: readonly CliCommand[] = [
  readCommand,
  benchExportCommand,
  benchWriteCommand,
  benchCompareCommand,
  localCommand,
]
