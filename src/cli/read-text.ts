import { readFile } from 'node:fs/promises'
import type { CliCall } from './cli-command.ts'
import { usageError } from './usage-error.ts'

/** All of standard input, as UTF-8. */
export async function readText(call: Pick<CliCall, 'io' | 'signal'>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of standardInput(call)) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

/** The bytes of standard input. A signal ends the wait for more, and closes it: open it would keep the process alive. */
export async function* standardInput({ io, signal }: Pick<CliCall, 'io' | 'signal'>): AsyncGenerator<Uint8Array> {
  const { stdin } = io
  const close = (): void => stdin.destroy()
  signal.throwIfAborted()
  signal.addEventListener('abort', close, { once: true })
  try {
    for await (const part of stdin) yield typeof part === 'string' ? Buffer.from(part) : part
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', close)
  }
}

/**
 * All of a file that is named on the command line, as UTF-8.
 * @throws {KustoUsageError} CLI_USAGE for a folder; what the system says of other trouble
 */
export async function readFileText(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    throw namingFolder(file, error)
  })
}

/** What the system says of a folder that is read as a file does not name it. */
export function namingFolder(file: string, error: unknown): unknown {
  const isFolder = error instanceof Error && 'code' in error && error.code === 'EISDIR'
  return isFolder ? usageError(`expected the name of a file, found the folder ${file}`) : error
}
