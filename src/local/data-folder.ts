import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { KustoUsageError } from '../errors.ts'

/**
 * Makes a folder and those above it, one by one: asking Node for all of them at once never ends below a file system
 * that has no folders to make, such as /proc.
 * @throws {KustoUsageError} LOCAL_DATA_DIR when it is no folder and none can be made there
 */
export async function makeDataFolder(folder: string): Promise<void> {
  if (folder === '') throw badFolder(folder, 'found an empty name')
  const missing: string[] = []
  let at = path.resolve(folder)
  for (;;) {
    const kind = await kindOf(at)
    if (kind === 'folder') break
    if (kind === 'other') throw badFolder(folder, `found that ${at} is no folder`)
    missing.unshift(at)
    at = path.dirname(at)
  }
  for (const each of missing) {
    try {
      await mkdir(each)
    } catch (cause) {
      if ((await kindOf(each)) === 'folder') continue
      throw badFolder(
        folder,
        `found that it cannot be made (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`,
        cause,
      )
    }
  }
}

async function kindOf(at: string): Promise<'folder' | 'other' | 'missing'> {
  try {
    return (await stat(at)).isDirectory() ? 'folder' : 'other'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'missing'
    return 'other'
  }
}

function badFolder(folder: string, found: string, cause?: unknown): KustoUsageError {
  const message = `expected a folder to keep data in at '${folder}', ${found}`
  return new KustoUsageError('LOCAL_DATA_DIR', message, cause === undefined ? {} : { cause })
}
