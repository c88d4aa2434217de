import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import path from 'node:path'
import type { FlagValues } from './flags.ts'
import { usageError } from './usage-error.ts'

/** Checks the files that these flags name as {@link checkOutput} does, where they are given. */
export async function checkOutputs(flags: FlagValues, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const file = flags.text(name)
    if (file !== undefined && file !== '') await checkOutput(file)
  }
}

/**
 * Checks that a file can be made, before the work whose result it is to hold.
 * @throws {KustoUsageError} CLI_USAGE for a folder; what the system says of a folder that is missing or not writable
 */
export async function checkOutput(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (found?.isDirectory() === true) throw usageError(`expected the name of a file to write, found the folder ${file}`)
  if (found !== undefined) return await access(file, constants.W_OK)
  const folder = path.dirname(file)
  if (!(await stat(folder)).isDirectory()) throw usageError(`expected ${folder} to be a folder, found a file`)
  await access(folder, constants.W_OK)
}

/** Whether there is no such file or a regular one: not a device and not a named pipe. */
export async function isPlainFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined)
  return found === undefined || found.isFile()
}
