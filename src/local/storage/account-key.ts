import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const KEY_BYTES = 64

/** A key that nobody else knows. */
export function newAccountKey(): string {
  return randomBytes(KEY_BYTES).toString('base64')
}

/**
 * The storage key of a data folder, made when it has none. It stays the same, because what waits in the queues and status
 * tables of the folder holds URLs that were signed with it.
 */
export async function savedAccountKey(folder: string): Promise<string> {
  const file = join(folder, 'account-key')
  const saved = await readFile(file, 'utf8').catch(() => '')
  if (Buffer.from(saved, 'base64').length === KEY_BYTES) return saved.trim()
  const key = newAccountKey()
  await writeFile(file, `${key}\n`, { mode: 0o600 })
  return key
}
