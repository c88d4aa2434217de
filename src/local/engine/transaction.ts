import type { DuckSession } from './duck.ts'

/** Runs `work` in one DuckDB transaction: all of it becomes visible at once, or nothing does. */
export async function inTransaction<R>(session: DuckSession, work: () => Promise<R>): Promise<R> {
  await session.run('BEGIN TRANSACTION')
  let result: R
  try {
    result = await work()
    // DuckDB accepts COMMIT of a transaction that an interrupt aborted; `run` throws when there was one.
    await session.run('COMMIT')
  } catch (error) {
    await rollBack(session)
    throw error
  }
  return result
}

/** Ends a transaction whatever state its session is in: an interrupted session runs no statement of its own any more. */
export async function rollBack(session: DuckSession): Promise<void> {
  // Nothing to roll back is not a failure, and closing the session would discard the changes too.
  await session.connection.run('ROLLBACK').then(
    () => undefined,
    () => undefined,
  )
}
