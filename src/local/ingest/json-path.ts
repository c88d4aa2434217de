import { LocalError } from '../server/local-error.ts'

/** One step of a path: a key of an object or a 0-based index of an array. */
export type PathStep = string | number

const STEP = /\.([^.[\]'"]+)|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]/y

/**
 * Parses the JSONPath subset of ingestion mappings: `$`, `.name`, `['name']`, `["name"]`, `[n]`.
 *
 * @throws {LocalError} BadRequest_InvalidMapping for anything else
 */
export function parseJsonPath(text: string): readonly PathStep[] {
  const steps: PathStep[] = []
  if (!text.startsWith('$')) throw bad(text)
  STEP.lastIndex = 1
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text)
    if (match === null) throw bad(text)
    const [, name, single, double, index] = match
    if (index !== undefined) steps.push(Number(index))
    else steps.push(name ?? (single ?? double ?? '').replaceAll(/\\(.)/g, '$1'))
    if (name === '*') throw bad(text)
  }
  return steps
}

/** DuckDB's spelling of the path, for its JSON functions. */
export function duckJsonPath(steps: readonly PathStep[]): string {
  return `$${steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${JSON.stringify(step)}`)).join('')}`
}

function bad(text: string): LocalError {
  return new LocalError('BadRequest_InvalidMapping', `the mapping path '${text}' is not understood`)
}
