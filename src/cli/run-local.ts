import { startLocalKusto } from '../local/index.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'

/** Starts the embedded Kusto, says where it is, and waits for the signal that ends it. */
export async function runLocal({ flags, io, screen, signal }: CliCall): Promise<number> {
  const starting = startLocalKusto({
    port: flags.number('port'),
    dataDir: flags.text('data-dir'),
    database: flags.text('database'),
    storage: !flags.on('no-storage'),
  })
  const stop = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const started = await Promise.race([starting, stop.then(() => undefined)])
  if (started !== undefined) {
    const { cluster, database } = started
    if (screen.isJson) await screen.result({ cluster, database }, '')
    else io.stdout.write(`${cluster}\n`)
    screen.note(`embedded Kusto, database ${database}; stop with Ctrl-C`)
    screen.note(
      `try: curl -s ${cluster}/v2/rest/query -H 'Content-Type: application/json' ` +
        `-d '{"db":"${database}","csl":"print answer = 6 * 7"}'`,
    )
    await stop
  }
  // A signal during the start waits for its end, because what half started must be stopped too.
  await (await starting).close()
  return EXIT.done
}
