import type { CliCall, CliCommand } from './cli-command.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** `kusto-arrow completions`: completion for a shell. */
export const completionsCommand: CliCommand = {
  words: 'completions',
  summary: 'print completions for bash, zsh or fish',
  examples: [
    { line: 'source <(kusto-arrow completions bash)', says: 'for this bash; put the line into ~/.bashrc for all' },
    { line: 'source <(kusto-arrow completions zsh)', says: 'for zsh, after compinit in ~/.zshrc' },
    { line: 'kusto-arrow completions fish > ~/.config/fish/completions/kusto-arrow.fish', says: 'for fish' },
  ],
  operands: [{ name: 'shell', help: 'bash, zsh or fish' }],
  flags: [],
  run: async (call: CliCall): Promise<number> => (await import('./run-completions.ts')).runCompletions(call),
}
