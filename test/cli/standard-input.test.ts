import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { runCommandLine } from '../../src/cli/run-command-line.ts'
import { memoryIo } from './memory-io.ts'

/** Standard input that gives some bytes and then nothing more; once it is waited for, a signal comes. */
function waiting(signals: EventEmitter, bytes: Uint8Array): Readable {
  let given = false
  return new Readable({
    read() {
      if (!given) {
        given = true
        if (bytes.length > 0) this.push(bytes)
        else setImmediate(() => signals.emit('SIGINT'))
      } else setImmediate(() => signals.emit('SIGINT'))
    },
  })
}

it.each([
  ['a query', ['read', '-', '--cluster', 'http://127.0.0.1:1/db'], 'print'],
  ['a query of which nothing has come', ['query', '-', '--cluster', 'http://127.0.0.1:1/db'], ''],
  ['a command', ['command', '-', '--cluster', 'http://127.0.0.1:1/db'], '.show'],
  ['a plan', ['run-partition', '--plan', '-', '--index', '0'], '{'],
  ['a plan to release', ['release', '--plan', '-'], '{'],
  ['a receipt', ['receipt', '-'], '{'],
  ['rows', ['bench', 'write', '-', '--input-format', 'parquet', '--cluster', 'http://127.0.0.1:1/db'], 'PAR1'],
])('ends at the first Ctrl-C while it waits for %s on standard input', async (_what, args, text) => {
  const signals = new EventEmitter()
  const { io, err } = memoryIo({ signals, exit: () => expect.unreachable('a second signal') })
  const stdin = waiting(signals, Buffer.from(text))
  expect(await runCommandLine(args, { ...io, stdin })).toBe(130)
  expect(err()).toContain('stopped, and cleaned up')
  // An open stream would keep the process alive.
  expect(stdin.destroyed).toBe(true)
})
