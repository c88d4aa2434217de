import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A bench process that serves until it is stopped. */
export interface ServerProcess {
  readonly url: string
  stop(): Promise<void>
}

/** Starts `serve-kusto.ts` with the names of the bodies to hold, or another server; resolves when it listens. */
export async function startServer(
  args: readonly string[],
  module: string = 'serve-kusto.js',
): Promise<ServerProcess & AsyncDisposable> {
  const child = forked(module, args)
  const { url } = await firstMessage<{ readonly url: string }>(child)
  const stop = async (): Promise<void> => {
    const exit = once(child, 'exit')
    child.disconnect()
    await exit
  }
  return { url, stop, [Symbol.asyncDispose]: stop }
}

/** Runs a bench module in a process of its own, with the job as its argument; gives the one message it sends. */
export async function inFreshProcess<T>(module: string, job: object): Promise<T> {
  const child = forked(module, [JSON.stringify(job)])
  const exit = once(child, 'exit')
  const answer = await firstMessage<T>(child)
  if (child.connected) child.disconnect()
  await exit
  return answer
}

/** What a module started by {@link inFreshProcess} was asked to do. */
export function jobOfProcess(): unknown {
  return JSON.parse(process.argv[2] ?? '{}')
}

function forked(module: string, args: readonly string[]): ChildProcess {
  return fork(new URL(`./${module}`, import.meta.url), args, {
    execArgv: ['--expose-gc', '--max-old-space-size=8192'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

async function firstMessage<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController()
  child.once('exit', (code) => ended.abort(new Error(`a bench process ended with exit code ${String(code)}`)))
  try {
    const [message] = (await once(child, 'message', { signal: ended.signal })) as [T]
    return message
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error
  }
}
