import type { CliCall } from './cli-command.ts'

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
