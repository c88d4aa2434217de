import { setMaxListeners } from 'node:events'
import type { CliIo } from './cli-command.ts'
import type { CliScreen } from './cli-screen.ts'

/** The command was stopped by a signal and has cleaned up. */
export class Interrupted extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super('interrupted')
    this.exitCode = exitCode
  }
}

/** An abort that the first signal gives; the second one ends the process at once. */
export interface SignalCancel extends Disposable {
  readonly signal: AbortSignal
  /** Set once a signal has come: 128 and its number. */
  readonly exitCode: number | undefined
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** Listens until it is disposed of. */
export function cancelOnSignal(io: CliIo, screen: CliScreen): SignalCancel {
  const controller = new AbortController()
  // Every request and every wait of a command listens to this one signal.
  setMaxListeners(0, controller.signal)
  let exitCode: number | undefined
  const listeners = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = (): void => {
      if (exitCode !== undefined) {
        io.exit(code)
        return
      }
      exitCode = code
      screen.note('stopping; once more to stop at once')
      controller.abort(new Interrupted(code))
    }
    io.signals.on(name, listener)
    return { name, listener }
  })
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode
    },
    [Symbol.dispose]() {
      for (const { name, listener } of listeners) io.signals.off(name, listener)
    },
  }
}
