import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { exportPicture, type Recorded, withTables } from './performance-tables.ts'

/** Every recorded result, by suite. `root` is the folder of the repository. */
export async function readRecorded(root: string): Promise<Recorded> {
  const folder = path.join(root, 'bench/results')
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'))
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')))
  return new Map(
    files.map((file, index) => [file.slice(0, -'.json'.length), JSON.parse(texts[index] ?? '') as unknown]),
  )
}

/** Makes the tables of docs/performance.md and the picture of the README of what is recorded. */
export async function writePerformance(root: string): Promise<void> {
  const recorded = await readRecorded(root)
  const page = path.join(root, 'docs/performance.md')
  await writeFile(page, withTables(await readFile(page, 'utf8'), recorded))
  const picture = await exportPicture(recorded)
  if (picture === undefined) return
  await mkdir(path.join(root, 'docs/images'), { recursive: true })
  await writeFile(path.join(root, 'docs/images/bench-export.svg'), picture)
}
