import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Words that name several files: `data/*.parquet`, `2026/**` and further, `part-{1,2}.csv`. */
const MAGIC = /[*?[{]/

/**
 * The files that words name, each word's in order of their names; `-` stays as it is.
 * @throws {Error} ENOENT for a file that is not there, or a pattern that fits none
 */
export async function globFiles(words: readonly string[]): Promise<readonly string[]> {
  const files: string[] = []
  for (const word of words) {
    if (word === '-' || !MAGIC.test(word) || (await isFile(word))) files.push(word)
    else files.push(...(await matching(word)))
  }
  for (const file of files) if (file !== '-') await stat(file)
  return files
}

async function matching(pattern: string): Promise<readonly string[]> {
  const segments = pattern.replaceAll('\\', '/').split('/')
  const fixed = segments.findIndex((segment) => MAGIC.test(segment))
  const root = segments.slice(0, fixed).join('/')
  const base = root === '' && !pattern.startsWith('/') ? '.' : `${root}/`
  const test = new RegExp(
    `^${segments.slice(fixed).map(segmentPattern).join('/').replaceAll('(?:.*)/', '(?:.*/)?')}$`,
    'u',
  )
  const isDeep = segments.length - fixed > 1
  const entries = await readdir(base, { withFileTypes: true, recursive: isDeep })
  const found = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => test.test(relativeTo(base, file)))
    .sort()
  if (found.length > 0) return found
  throw Object.assign(new Error(`no file fits ${pattern}`), { code: 'ENOENT' })
}

function relativeTo(base: string, file: string): string {
  const slashed = file.replaceAll('\\', '/')
  if (base === '.') return slashed.replace(/^\.\//, '')
  const root = join(base, '.').replaceAll('\\', '/').replace(/\/$/, '')
  return slashed.slice(root.length + 1)
}

function segmentPattern(segment: string): string {
  if (segment === '**') return '(?:.*)'
  return segment.replaceAll(/\*|\?|\[!?[^\]]*\]|\{[^}]*\}|[\\^$.|+()[\]{}]/g, (token) => {
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('[') && token.length > 1)
      return `[${token.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`
    if (token.startsWith('{') && token.length > 1) {
      const words = token.slice(1, -1).split(',')
      return `(?:${words.map((word) => word.replaceAll(/[\\^$.|+()[\]{}*?]/g, String.raw`\$&`)).join('|')})`
    }
    return `\\${token}`
  })
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
