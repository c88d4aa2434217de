import { writeAll } from './cli-screen.ts'
import type { CliCall, CliCommand } from './cli-command.ts'
import { COMMANDS } from './command-table.ts'
import { COMMON_FLAGS } from './common-flags.ts'
import { SHELLS } from './completions.ts'
import { didYouMean } from './did-you-mean.ts'
import { EXIT } from './exit-codes.ts'
import type { Flag } from './flags.ts'
import { usageError } from './usage-error.ts'

/** Prints the script; it is made of the same tables as help and parsing. */
export async function runCompletions({ operands, io }: CliCall): Promise<number> {
  const [shell = ''] = operands
  const known = SHELLS.find((name) => name === shell)
  if (known === undefined)
    throw usageError(`expected a shell among ${SHELLS.join(', ')}, found ${shell}${didYouMean(shell, SHELLS)}`)
  const script = { bash: bashScript, zsh: zshScript, fish: fishScript }[known]()
  await writeAll(io.stdout, script)
  return EXIT.done
}

const flagsOf = (command: CliCommand): readonly Flag[] => [...command.flags, ...COMMON_FLAGS]

const firstWords = (): readonly string[] => [...new Set(COMMANDS.map(({ words }) => words.split(' ')[0] ?? '')), 'help']

const secondWords = (first: string): readonly string[] =>
  COMMANDS.flatMap(({ words }) => (words.startsWith(`${first} `) ? [words.slice(first.length + 1)] : []))

const families = (): readonly string[] => firstWords().filter((word) => secondWords(word).length > 0)

/** One function for bash; zsh runs it through its own emulation. */
function bashScript(): string {
  const cases = COMMANDS.map(
    (command) =>
      `    '${command.words}') flags='${flagsOf(command)
        .map(({ name }) => `--${name}`)
        .join(' ')}' ;;`,
  )
  const choices = COMMANDS.flatMap((command) =>
    flagsOf(command).flatMap((flag) =>
      flag.kind === 'choice' ? [`    '${command.words} --${flag.name}') values='${flag.choices.join(' ')}' ;;`] : [],
    ),
  )
  const valued = [
    ...new Set(
      COMMANDS.flatMap((command) =>
        flagsOf(command).flatMap((flag) => (flag.kind === 'switch' ? [] : [`--${flag.name}`])),
      ),
    ),
  ]
  return `# completions of kusto-arrow for bash; source this file
_kusto_arrow() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" flags='' values=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${[...firstWords(), '--help', '--version'].join(' ')}' -- "$current"))
    return
  fi
  case "$command" in
    help) [ "$COMP_CWORD" -eq 2 ] && COMPREPLY=($(compgen -W '${firstWords().join(' ')}' -- "$current")); return ;;
${families()
  .map(
    (word) =>
      `    ${word})\n      if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W '${secondWords(word).join(' ')}' -- "$current")); return; fi\n      command="$command \${COMP_WORDS[2]}" ;;`,
  )
  .join('\n')}
    completions) COMPREPLY=($(compgen -W '${SHELLS.join(' ')}' -- "$current")); return ;;
  esac
  case "$command $previous" in
${choices.join('\n')}
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$current"))
    return
  fi
  case "$previous" in
    ${valued.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$command" in
${cases.join('\n')}
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _kusto_arrow kusto-arrow
`
}

function zshScript(): string {
  return `#compdef kusto-arrow
autoload -U +X bashcompinit && bashcompinit
${bashScript()}`
}

function fishScript(): string {
  const lines = firstWords().map((word) => {
    const summary = COMMANDS.find(({ words }) => words === word)?.summary ?? ''
    return `complete -c kusto-arrow -f -n __fish_use_subcommand -a ${word}${summary === '' ? '' : ` -d ${quoted(summary)}`}`
  })
  for (const word of families()) {
    const known = secondWords(word)
    lines.push(
      `complete -c kusto-arrow -f -n '__fish_seen_subcommand_from ${word}; and not __fish_seen_subcommand_from ${known.join(' ')}' -a '${known.join(' ')}'`,
    )
  }
  lines.push(`complete -c kusto-arrow -f -n '__fish_seen_subcommand_from completions' -a '${SHELLS.join(' ')}'`)
  for (const command of COMMANDS) {
    const condition = command.words
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ')
    for (const flag of flagsOf(command)) {
      const values = flag.kind === 'switch' ? '' : flag.kind === 'choice' ? ` -x -a '${flag.choices.join(' ')}'` : ' -r'
      lines.push(`complete -c kusto-arrow -n '${condition}' -l ${flag.name}${values} -d ${quoted(flag.help)}`)
    }
  }
  return `# completions of kusto-arrow for fish\n${lines.join('\n')}\n`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
