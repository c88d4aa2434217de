import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const SRC = path.resolve(import.meta.dirname, '../src')

/** The one-way rule: a file imports from its own room and from rooms of a lower level. */
const LEVELS: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  base: 1,
  kql: 2,
  arrow: 2,
  protocol: 3,
  auth: 4,
  client: 5,
  storage: 5,
  source: 6,
  sink: 6,
  streaming: 7,
  'connect-settings.ts': 7,
  'connector.ts': 8,
  benchmark: 8,
  'index.ts': 8,
  cli: 9,
}

/** The embedded Kusto stands apart: it may import these rooms only. */
const LOCAL_MAY_IMPORT = ['errors.ts', 'base', 'local']
/** Nothing but the command line may import the embedded Kusto. */
const MAY_IMPORT_LOCAL = ['local', 'cli']

/** Rooms that are functions of their inputs: no I/O, no clock, no environment, no chance. */
const PURE_ROOMS = ['kql', 'arrow', 'protocol']
const IMPURE = [
  /from 'node:(fs|net|http|https|child_process|os|timers|worker_threads|dns|tls|process)/,
  /\bprocess\.(env|argv|cwd)\b/,
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bMath\.random\(/,
  /\brandomUUID\(/,
  /\bfetch\(/,
]

interface SourceFile {
  readonly path: string
  readonly room: string
  readonly text: string
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({
    path: file,
    room: file.split(path.sep)[0] ?? file,
    text: readFileSync(path.join(SRC, file), 'utf8'),
  }))

const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')

const imports = (file: SourceFile): readonly string[] =>
  [...withoutComments(file.text).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    path.relative(SRC, path.resolve(SRC, path.dirname(file.path), match[1] ?? '')),
  )

const roomOf = (target: string): string => target.split(path.sep)[0] ?? target

describe('the one-way rule', () => {
  it('knows every room', () => {
    const unknown = files.filter((file) => file.room !== 'local' && LEVELS[file.room] === undefined)
    expect(unknown.map((file) => file.path)).toEqual([])
  })

  it('finds imports at all', () => {
    expect(files.flatMap(imports).length).toBeGreaterThan(20)
  })

  it('lets a file import from its own room and from lower levels only', () => {
    const broken = files
      .filter((file) => file.room !== 'local')
      .flatMap((file) =>
        imports(file)
          .map(roomOf)
          .filter((room) => room !== file.room && room !== 'local')
          .filter((room) => (LEVELS[room] ?? Infinity) >= (LEVELS[file.room] ?? -1) && !isFrontDoor(file.room, room))
          .map((room) => `${file.path} -> ${room}`),
      )
    expect(broken).toEqual([])
  })

  it('lets the command line import the public names only, and what keeps a decoder from ending its process', () => {
    const broken = files
      .filter((file) => file.room === 'cli')
      .flatMap((file) =>
        imports(file)
          .filter(
            (target) =>
              !['index.ts', 'local/index.ts', 'errors.ts', 'base/trap-guard.ts'].includes(target) &&
              roomOf(target) !== 'cli',
          )
          .map((target) => `${file.path} -> ${target}`),
      )
    expect(broken).toEqual([])
  })

  it('keeps the embedded Kusto apart', () => {
    const out = files
      .filter((file) => file.room === 'local')
      .flatMap((file) =>
        imports(file)
          .filter((target) => !LOCAL_MAY_IMPORT.includes(roomOf(target)))
          .map((target) => `${file.path} -> ${target}`),
      )
    const into = files
      .filter((file) => !MAY_IMPORT_LOCAL.includes(file.room))
      .flatMap((file) =>
        imports(file)
          .filter((target) => roomOf(target) === 'local')
          .map((target) => `${file.path} -> ${target}`),
      )
    expect([...out, ...into]).toEqual([])
  })

  it('goes two folders deep at most and has no second door', () => {
    const tooDeep = files.filter((file) => file.path.split(path.sep).length > 3).map((file) => file.path)
    const doors = files
      .filter((file) => path.basename(file.path) === 'index.ts')
      .map((file) => file.path)
      .filter((file) => !['index.ts', path.join('local', 'index.ts')].includes(file))
    expect([...tooDeep, ...doors]).toEqual([])
  })

  it('keeps the pure rooms pure', () => {
    const broken = files
      .filter((file) => PURE_ROOMS.includes(file.room))
      .flatMap((file) =>
        IMPURE.filter((pattern) => pattern.test(withoutComments(file.text))).map(
          (pattern) => `${file.path}: ${pattern}`,
        ),
      )
    expect(broken).toEqual([])
  })

  it('allows non-null assertions in kernels only', () => {
    const broken = files
      .filter((file) => !file.path.startsWith(path.join('arrow', 'kernels')))
      .filter((file) => /[\w)\]]![.[;,)\s]/.test(withoutStrings(withoutComments(file.text))))
      .map((file) => file.path)
    expect(broken).toEqual([])
  })
})

/** Three share level 8: benchmarks use the connector, and the front door re-exports both. */
function isFrontDoor(from: string, to: string): boolean {
  return (
    (from === 'index.ts' && ['connector.ts', 'benchmark'].includes(to)) ||
    (from === 'benchmark' && to === 'connector.ts')
  )
}

function withoutStrings(text: string): string {
  return text
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replaceAll(/`(?:[^`\\]|\\.)*`/g, '``')
    .replaceAll(/\/(?:[^/\\\n]|\\.)+\/[dgimsuvy]*/g, 'RE')
}
