import type { CliStream } from './cli-command.ts'

/** Paints text, or leaves it as it is where there is no colour. */
export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly yellow: (text: string) => string
  readonly green: (text: string) => string
  readonly cyan: (text: string) => string
}

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], yellow: [33, 39], green: [32, 39], cyan: [36, 39] } as const

const plain = (text: string): string => text

/** A paint for a stream: colours on a terminal, unless `NO_COLOR`, `TERM=dumb`, `CI` or `--no-color` says otherwise. */
export function paintFor(
  stream: CliStream,
  env: Readonly<Record<string, string | undefined>>,
  noColor: boolean,
): Paint {
  const isPlain = noColor || (env['NO_COLOR'] ?? '') !== '' || !isRichTerminal(stream, env)
  const painter = ([on, off]: readonly [number, number]): ((text: string) => string) =>
    isPlain ? plain : (text) => `\u001B[${on}m${text}\u001B[${off}m`
  return {
    bold: painter(CODES.bold),
    dim: painter(CODES.dim),
    red: painter(CODES.red),
    yellow: painter(CODES.yellow),
    green: painter(CODES.green),
    cyan: painter(CODES.cyan),
  }
}

/** Whether a stream is a terminal that moves its cursor and that somebody looks at. */
export function isRichTerminal(stream: CliStream, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && env['TERM'] !== 'dumb' && (env['CI'] ?? '') === ''
}
