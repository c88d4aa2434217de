import type { CliCommand } from '../../src/cli/cli-command.ts'
import { COMMANDS } from '../../src/cli/command-table.ts'
import { COMMON_FLAGS } from '../../src/cli/common-flags.ts'
import { CONNECTION_FLAGS } from '../../src/cli/connection-flags.ts'
import { EXIT_CODES } from '../../src/cli/exit-codes.ts'
import type { Flag } from '../../src/cli/flags.ts'
import { flagText, operandText } from '../../src/cli/help-text.ts'
import { FORMATS } from '../../src/cli/output-format.ts'

/** The generated parts of docs/cli.md by their marks, `<!-- name -->` to `<!-- end -->`. */
export function cliPageParts(): ReadonlyMap<string, string> {
  return new Map([
    [
      'formats',
      table(
        ['format', 'file names', ''],
        FORMATS.map(({ format, extensions, says }) => [code(format), extensions.map(code).join(', '), says]),
      ),
    ],
    [
      'exit codes',
      table(
        ['code', 'means'],
        EXIT_CODES.map(({ code: number, means }) => [String(number), means]),
      ),
    ],
    ['connection', flagTable(CONNECTION_FLAGS)],
    ['everywhere', flagTable(COMMON_FLAGS)],
    ['commands', COMMANDS.map(section).join('\n\n')],
  ])
}

/** The page with its generated parts as they are now. */
export function withParts(page: string): string {
  let text = page
  for (const [name, part] of cliPageParts()) {
    const pattern = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`)
    text = text.replace(pattern, (_all, start: string, end: string) => `${start}${part}\n${end}`)
  }
  return text
}

function section({ words, summary, examples, operands, flags, notes = [] }: CliCommand): string {
  const own = flags.filter((flag) => !CONNECTION_FLAGS.includes(flag))
  const usage = ['kusto-arrow', words, ...operands.map(operandText), ...(flags.length > 0 ? ['[options]'] : [])].join(
    ' ',
  )
  return [
    `### ${words}`,
    `${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`,
    `\`\`\`sh\n${usage}\n\n${examples.map(({ line, says }) => `# ${says}\n${line}`).join('\n')}\n\`\`\``,
    ...(own.length === 0 ? [] : [flagTable(own)]),
    ...(own.length === flags.length ? [] : ['And the flags of a [connection](#connection).']),
    ...notes,
  ].join('\n\n')
}

function flagTable(flags: readonly Flag[]): string {
  const repeated = (flag: Flag): string =>
    flag.kind === 'list' ? (flag.split === true ? '; several between commas' : '; may be repeated') : ''
  return table(
    ['flag', 'effect', 'default'],
    flags.map((flag) => [code(flagText(flag)), flag.help + repeated(flag), flag.default ?? '']),
  )
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`.replaceAll('  |', ' |')
  return [line(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}
