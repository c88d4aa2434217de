import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The folder of the package. */
export const ROOT: string = path.resolve(import.meta.dirname, '../..')

/** The text of a file of the package. */
export const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

/** The pages of a folder, by their paths. */
export const pagesIn = (folder: string): readonly string[] =>
  readdirSync(path.join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`)

/** README.md and the pages of docs/. */
export const PAGES: readonly string[] = ['README.md', ...pagesIn('docs')]
