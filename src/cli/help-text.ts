import type { Paint } from './ansi.ts'
import type { CliCommand, Operand } from './cli-command.ts'
import { COMMON_FLAGS } from './common-flags.ts'
import { valueName } from './flags.ts'
import type { Flag } from './flags.ts'

const WIDTH = 100
const LEFT = 30

/** Help of one command: examples, then flags by heading, then notes. */
export function commandHelp(command: CliCommand, paint: Paint): string {
  const { words, summary, examples, operands, flags, notes = [] } = command
  const groups = new Map<string, Flag[]>()
  for (const flag of [...flags, ...COMMON_FLAGS]) {
    const heading = flag.group ?? 'Options'
    groups.set(heading, [...(groups.get(heading) ?? []), flag])
  }
  const blocks = [
    `kusto-arrow ${words}: ${summary}`,
    section(
      paint,
      'Examples',
      examples.flatMap(({ line, says }) => [`  ${line}`, paint.dim(`      ${says}`)]),
    ),
    section(paint, 'Usage', [`  kusto-arrow ${[words, ...operands.map(operandText), '[options]'].join(' ')}`]),
    ...(operands.length === 0
      ? []
      : [
          section(
            paint,
            'Operands',
            operands.map((operand) => item(operand.name, operand.help)),
          ),
        ]),
    ...[...groups].map(([heading, members]) => section(paint, heading, members.map(flagItem))),
    ...notes.map((note) => wrap(note, WIDTH).join('\n')),
  ]
  return `${blocks.join('\n\n')}\n`
}

/** Help of the program: examples of the main commands and the list of all. */
export function overview(commands: readonly CliCommand[], paint: Paint): string {
  const width = Math.max(...commands.map(({ words }) => words.length))
  const blocks = [
    'kusto-arrow: move rows between Kusto and Apache Arrow',
    section(
      paint,
      'Examples',
      [
        "kusto-arrow read 'Samples | summarize count() by Level' --local",
        'kusto-arrow read StormEvents --cluster https://help.kusto.windows.net --database Samples --limit 20',
        'kusto-arrow read StormEvents --out storms.parquet',
        'kusto-arrow write Storms storms.parquet --create',
        'kusto-arrow doctor',
      ].map((line) => `  ${line}`),
    ),
    section(
      paint,
      'Commands',
      commands.map(({ words, summary }) => `  ${words.padEnd(width)}  ${summary}`),
    ),
    'Connection: --cluster and --database, or the environment variables KUSTO_CLUSTER and KUSTO_DATABASE, or\n' +
      'KUSTO_CONNECTION_STRING. With --local a command runs on an embedded Kusto of its own.\n' +
      'kusto-arrow <command> --help tells more, --version the version.',
  ]
  return `${blocks.join('\n\n')}\n`
}

export function operandText({ name, optional, many }: Operand): string {
  const text = `<${name}>${many === true ? '...' : ''}`
  return optional === true ? `[${text}]` : text
}

/** `--mode auto|single`, without its help. */
export function flagText(flag: Flag): string {
  const value = valueName(flag)
  return value === undefined ? `--${flag.name}` : `--${flag.name} ${value}`
}

function flagItem(flag: Flag): string {
  const more = [
    flag.kind === 'list' ? (flag.split === true ? 'several between commas' : 'may be repeated') : undefined,
    flag.default === undefined ? undefined : `default ${flag.default}`,
  ].filter((part) => part !== undefined)
  return item(flagText(flag), more.length === 0 ? flag.help : `${flag.help}; ${more.join('; ')}`)
}

function item(left: string, right: string): string {
  const lines = wrap(right, WIDTH - LEFT)
  const margin = ' '.repeat(LEFT)
  const first = left.length + 4 > LEFT ? `  ${left}\n${margin}` : `  ${left}`.padEnd(LEFT)
  return first + lines.join(`\n${margin}`)
}

function section(paint: Paint, heading: string, lines: readonly string[]): string {
  return `${paint.bold(`${heading}:`)}\n${lines.join('\n')}`
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
