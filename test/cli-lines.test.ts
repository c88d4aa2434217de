import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/command-table.ts'
import { COMMON_FLAGS } from '../src/cli/common-flags.ts'
import { parseWords } from '../src/cli/parse-words.ts'
import { PAGES, read } from './docs/pages.ts'

/** Lines of shell blocks that run the command line, by page, without what stands before it, and without the outlines of commands. */
const lines = PAGES.flatMap((page) =>
  [...read(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split('\n')
      .flatMap((line) => /^(?:npx )?kusto-arrow (.*)$/.exec(line)?.[1] ?? [])
      .filter((line) => !/\[options\]|<\w+>/.test(line))
      .map((line) => ({ page, line })),
  ),
)

/** Words as a shell cuts them: quotes of both kinds, and a comment at the end. */
const wordsOf = (line: string): readonly string[] =>
  [...line.replace(/ +# .*$/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  )

describe('command lines in README.md and docs/', () => {
  it('are there', () => {
    expect(lines.length).toBeGreaterThan(10)
  })

  it.each(lines)('$page: $line', ({ line }) => {
    const [simple = ''] = line.split(/ [|>] (?=(?:[^']*'[^']*')*[^']*$)/)
    const words = wordsOf(simple)
    const command = COMMANDS.filter((each) => each.words.split(' ').every((word, at) => words[at] === word)).toSorted(
      (a, b) => b.words.length - a.words.length,
    )[0]
    if (command === undefined) throw new Error(`no command in ${line}`)
    expect(() => parseWords(words.slice(command.words.split(' ').length), command, COMMON_FLAGS)).not.toThrow()
  })
})
