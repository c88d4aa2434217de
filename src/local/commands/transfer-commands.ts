import type { CommandFamily } from './command.ts'

/** Commands that move data in and out. */
export const TRANSFER_COMMANDS: CommandFamily = {}
