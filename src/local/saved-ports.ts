import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Ports of one embedded Kusto; absent where it has had none. */
export interface SavedPorts {
  readonly kusto?: number
  readonly blob?: number
  readonly queue?: number
  readonly table?: number
}

const NAMES = ['kusto', 'blob', 'queue', 'table'] as const

/**
 * The ports that the embedded Kusto of a data folder had the last time: it takes them again where they are free, so that
 * the URLs in plans and receipts that were saved stay true.
 */
export async function savedPorts(folder: string): Promise<SavedPorts> {
  try {
    const value: unknown = JSON.parse(await readFile(fileIn(folder), 'utf8'))
    const given = new Map<string, unknown>(typeof value === 'object' && value !== null ? Object.entries(value) : [])
    return Object.fromEntries(NAMES.map((name) => [name, given.get(name)]).filter(([, port]) => isPort(port)))
  } catch {
    // Without the file, or with one that was cut off, any ports do.
    return {}
  }
}

export async function savePorts(folder: string, ports: SavedPorts): Promise<void> {
  await writeFile(fileIn(folder), `${JSON.stringify(ports)}\n`)
}

function fileIn(folder: string): string {
  return join(folder, 'ports.json')
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535
}
