import { join, kql } from '../kql.ts'
import type { Kql } from '../kql.ts'

/**
 * Runs commands in their order as one, and stops at the first that fails; what was done stays. Needs Database Admin.
 * Columns: OperationId, CommandType, CommandText, Result, Reason.
 */
export function executeDatabaseScript(commands: readonly Kql[]): Kql {
  return kql`.execute database script with (ThrowOnErrors=true) <|${join([kql``, ...commands], '\n')}`
}
