/**
 * Runs Azurite in a child process of its own. The parent names Azurite's script in KUSTO_LOCAL_AZURITE, a folder that
 * is to go with it in KUSTO_LOCAL_SCRATCH, and passes its flags; the IPC channel is there only to break: when the parent dies, however it dies, this process ends too.
 */
import { rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

process.on('disconnect', () => {
  // A parent that was killed cannot take its temporary folder with it.
  const scratch = process.env['KUSTO_LOCAL_SCRATCH'] ?? ''
  if (scratch !== '') rmSync(scratch, { recursive: true, force: true })
  process.exit(0)
})
// The channel alone must not keep the process alive once Azurite has closed its servers.
process.channel?.unref()

const script = process.env['KUSTO_LOCAL_AZURITE']
if (script === undefined || process.send === undefined) {
  process.stderr.write('expected to be started by the embedded Kusto\n')
  process.exit(2)
}
await import(pathToFileURL(script).href)
