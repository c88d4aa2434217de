import { COLUMN_COMMANDS } from './column-commands.ts'
import type { CommandDefinition } from './command.ts'
import { EXTENT_COMMANDS } from './extent-commands.ts'
import { FROM_QUERY_COMMANDS } from './from-query.ts'
import { HAND_PARSED_NAMES } from './hand-parsed.ts'
import { MAPPING_COMMANDS } from './mapping-commands.ts'
import { OPERATION_COMMANDS } from './operation-commands.ts'
import { POLICY_COMMANDS } from './policy-commands.ts'
import { SCRIPT_COMMANDS } from './script-commands.ts'
import { SHOW_CLUSTER_COMMANDS } from './show-cluster.ts'
import { SHOW_DATABASE_COMMANDS } from './show-databases.ts'
import { SHOW_TABLE_COMMANDS } from './show-tables.ts'
import { TABLE_COMMANDS } from './table-commands.ts'
import { TRANSFER_COMMANDS } from './transfer-commands.ts'

/** Every command by its official name. What is not here is refused. */
export const COMMANDS: ReadonlyMap<string, CommandDefinition> = new Map(
  [
    TABLE_COMMANDS,
    COLUMN_COMMANDS,
    SHOW_TABLE_COMMANDS,
    SHOW_DATABASE_COMMANDS,
    SHOW_CLUSTER_COMMANDS,
    OPERATION_COMMANDS,
    MAPPING_COMMANDS,
    POLICY_COMMANDS,
    EXTENT_COMMANDS,
    FROM_QUERY_COMMANDS,
    TRANSFER_COMMANDS,
    SCRIPT_COMMANDS,
  ].flatMap((family) => Object.entries(family)),
)

/** Names of the supported commands, for the support matrix. */
export const SUPPORTED_COMMANDS: readonly string[] = [...COMMANDS.keys(), ...HAND_PARSED_NAMES].sort()
