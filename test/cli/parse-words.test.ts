import { describe, expect, it } from 'vitest'
import type { CliCommand } from '../../src/cli/cli-command.ts'
import { COMMANDS } from '../../src/cli/command-table.ts'
import { COMMON_FLAGS } from '../../src/cli/common-flags.ts'
import { parseWords } from '../../src/cli/parse-words.ts'
import type { ParsedWords } from '../../src/cli/parse-words.ts'

const command: CliCommand = {
  words: 'try',
  summary: 'a command for tests',
  examples: [],
  operands: [
    { name: 'table', help: '' },
    { name: 'files', many: true, optional: true, help: '' },
  ],
  flags: [
    { name: 'on', kind: 'switch', help: '' },
    { name: 'mode', kind: 'choice', choices: ['auto', 'single'], help: '' },
    { name: 'columns', kind: 'list', value: 'A,B', split: true, help: '' },
    { name: 'where', kind: 'list', value: 'KQL', help: '' },
    { name: 'rows', kind: 'number', value: 'N', min: 1, max: 10, help: '' },
    { name: 'size', kind: 'bytes', help: '' },
    { name: 'age', kind: 'duration', help: '' },
    { name: 'draw', kind: 'text', value: 'FILE', isOptional: true, help: '' },
    { name: 'cluster', kind: 'text', value: 'URL', help: '' },
  ],
  run: async () => 0,
}
const parse = (...words: readonly string[]): ParsedWords => parseWords(words, command, COMMON_FLAGS)

describe('the words of a command line', () => {
  it('gives flags by kind, with the value behind a blank or an equals sign', () => {
    const { operands, flags } = parse(
      'T',
      '--on',
      '--mode=single',
      '--columns',
      'a, b',
      '--columns',
      'c',
      '--where',
      'x, y',
      '--rows',
      '3',
      'f1',
      '-',
      '--size',
      '1.5MiB',
      '--age=2h',
    )
    expect(operands).toEqual(['T', 'f1', '-'])
    expect([flags.on('on'), flags.choice('mode', ['auto', 'single']), flags.number('rows')]).toEqual([
      true,
      'single',
      3,
    ])
    expect([flags.list('columns'), flags.list('where')]).toEqual([['a', 'b', 'c'], ['x, y']])
    expect([flags.bytes('size'), flags.durationMs('age')]).toEqual([1_572_864, 7_200_000])
  })

  it('takes everything behind -- as operands', () => {
    expect(parse('T', '--', '--on', '-x').operands).toEqual(['T', '--on', '-x'])
  })

  it('takes a file name as an optional value, and a query as the operand it is', () => {
    expect(parse('--draw', 'T', 'x.csv').operands).toEqual(['T', 'x.csv'])
    const { flags, operands } = parse('--draw', 'chart.svg', 'T')
    expect([flags.text('draw'), operands]).toEqual(['chart.svg', ['T']])
    expect(parse('T', '--draw').flags.isGiven('draw')).toBe(true)
  })

  it.each([
    [['T', '--moed', 'x'], 'unknown option --moed (did you mean --mode?)'],
    [['T', '-mode', 'x'], 'unknown option -mode (did you mean --mode?)'],
    [['T', '--mode', 'both'], 'expected --mode to be one of auto, single, found both'],
    [['T', '--rows', '11'], 'expected --rows to be a whole number from 1 to 10, found 11'],
    [['T', '--rows', '1e1'], 'expected --rows to be a whole number'],
    [['T', '--rows'], '--rows needs a value'],
    [['T', '--rows', '--on'], '--rows needs a value'],
    [['T', '--rows', '1', '--rows', '2'], 'expected --rows once, found it 2 times'],
    [['T', '--on=yes'], '--on takes no value'],
    [['T', '--size', 'big'], 'a size such as'],
    [['T', '--age', '5'], 'a time such as'],
    [['T', '--cluster='], 'expected --cluster to be something'],
    [[], 'try needs a table'],
  ])('refuses %j', (words, message) => {
    expect(() => parse(...words)).toThrow(message)
  })

  it.each([
    ['--token', 'abc-secret'],
    ['--app-key=abc-secret'],
    ['--connection-string', 'abc-secret'],
    ['--cluster', 'https://x;AppKey=abc-secret'],
    ['--cluster', 'https://x/c?sv=1&sig=abc-secret'],
    ['--cluster', 'Data Source=https://x; Password = abc-secret'],
    ['--where', "Url == 'https://x/c?sv=1&sig=abc-secret'"],
    ['--where', "Text has 'Data Source=https://x;AppKey=abc-secret'"],
  ])('refuses a secret in %s and does not repeat it', (...words) => {
    const told = (): unknown => parse('T', ...words)
    expect(told).toThrow('a secret where every process on the machine can see it')
    expect(told).not.toThrow('abc-secret')
  })

  it.each([
    "Password == 'x'",
    "Password=='x'",
    "pwd =~ 'x'",
    "Password != ''",
    "isempty(A); Password == 'x'",
    "AppKey in ('a')",
    "Url has '?sig=' or Url has '&sig='",
  ])('takes a condition on a column: %s', (condition) => {
    expect(parse('T', '--where', condition).flags.list('where')).toEqual([condition])
  })
})

describe('the table of commands', () => {
  it('names each flag of a command once, in lower case, and not like one of all commands', () => {
    for (const { words, flags } of COMMANDS) {
      const names = [...flags, ...COMMON_FLAGS].map(({ name }) => name)
      expect(new Set(names).size, words).toBe(names.length)
      expect(
        names.filter((name) => !/^[a-z]+(?:-[a-z]+)*$/.test(name)),
        words,
      ).toEqual([])
    }
  })

  it('has examples of every command that its own flags and operands allow', () => {
    for (const each of COMMANDS) {
      expect(each.examples.length, each.words).toBeGreaterThan(0)
      for (const { line } of each.examples) {
        const own = line
          .slice(line.indexOf('kusto-arrow ') + 12)
          .replace(/[|>)].*$/, (rest) => (rest.startsWith('|') && line.includes("'") ? rest : ''))
        const words = [...own.replaceAll('{}', '0').matchAll(/'([^']*)'|(\S+)/g)].map(
          (match) => match[1] ?? match[2] ?? '',
        )
        const command = COMMANDS.find(({ words: name }) => `${words.join(' ')} `.startsWith(`${name} `))
        expect(command, line).toBeDefined()
        if (command === undefined) continue
        expect(
          () => parseWords(words.slice(command.words.split(' ').length), command, COMMON_FLAGS),
          line,
        ).not.toThrow()
      }
    }
  })
})
