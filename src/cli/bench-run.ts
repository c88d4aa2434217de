import { writeFile } from 'node:fs/promises'
import { benchmarkReport, benchmarkText, drawChart } from '../index.ts'
import type { BenchmarkEvent, BenchmarkOptions, BenchmarkResult } from '../index.ts'
import { checkOutputs } from './check-output.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'
import { parseBytes } from './flags.ts'
import { formatDuration, formatRows } from './quantities.ts'
import { readFileText } from './read-text.ts'
import { usageError } from './usage-error.ts'

/** What the flags of every benchmark say; progress goes to the screen. */
export function benchOptions({ flags, screen, signal }: CliCall): BenchmarkOptions {
  const maxMs = flags.durationMs('max-time')
  const numbersGiven = {
    repetitions: flags.number('repetitions'),
    warmups: flags.number('warmups'),
    seed: flags.number('seed'),
    maxRows: flags.number('max-rows'),
    maxBytes: flags.bytes('max-bytes'),
    maxSeconds: maxMs === undefined ? undefined : Math.max(1, Math.round(maxMs / 1000)),
  }
  const given = Object.entries(numbersGiven).filter(([, value]) => value !== undefined)
  return {
    ...(Object.fromEntries(given) as Partial<Record<keyof typeof numbersGiven, number>>),
    signal,
    onEvent: (event) => tell(event, screen),
  }
}

function tell(event: BenchmarkEvent, screen: CliCall['screen']): void {
  screen.event(event)
  if (event.kind === 'benchmark-ended') {
    screen.progress.end()
    return
  }
  const { index, total, label } = event
  if (event.kind === 'run-started') {
    screen.progress.phase(`run ${index} of ${total}`, { note: label })
    return
  }
  screen.progress.end()
  const { outcome, rows, seconds, error } = event
  if (outcome === 'failed') screen.warn(`${label} failed: ${error ?? ''}`)
  else screen.detail(`${label}: ${formatRows(rows)} in ${formatDuration(seconds * 1000)}, ${outcome}`)
}

/** Checks before minutes of measuring that its result can be written where flags say; a report needs packages that draw. */
export async function checkBenchOutputs({ flags }: CliCall): Promise<void> {
  await checkOutputs(flags, ['out', 'html'])
  if (flags.isGiven('html')) await drawChart({ data: { values: [] }, mark: 'point' })
}

/**
 * Writes the table to standard output, and result and report where flags say. What was measured is never lost: one that
 * cannot be written does not keep the others from it, and then is the error.
 */
export async function finishBench({ flags, screen }: CliCall, result: BenchmarkResult): Promise<number> {
  const failures: unknown[] = []
  const give = async (file: string | undefined, text: () => string | Promise<string>): Promise<void> => {
    if (file === undefined) return
    try {
      await writeFile(file, await text())
      screen.note(`wrote ${file}`)
    } catch (error) {
      failures.push(error)
    }
  }
  await screen.result(result, () => benchmarkText(result)).catch((error: unknown) => failures.push(error))
  await give(flags.text('out'), () => `${JSON.stringify(result, null, 1)}\n`)
  await give(flags.text('html'), () => {
    screen.progress.phase('drawing the report')
    return benchmarkReport(result)
  })
  screen.progress.end()
  if (failures.length > 0) throw failures[0]
  const outcomes = new Set(result.runs.map(({ outcome }) => outcome))
  if (outcomes.has('different')) return EXIT.integrity
  return outcomes.has('failed') ? EXIT.part : EXIT.done
}

/** A list of whole numbers. */
export function numbers({ flags }: CliCall, name: string): readonly number[] {
  return flags.list(name).map((text) => wholeNumber(name, text))
}

/** @throws {KustoUsageError} CLI_USAGE when a value of a list is none */
export function wholeNumber(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw usageError(`expected --${name} to be whole numbers between commas, found ${text || 'nothing'}`)
}

/** A size of a list. @throws {KustoUsageError} CLI_USAGE when it is none */
export function sizeInBytes(name: string, text: string): number {
  const bytes = parseBytes(text)
  if (bytes !== undefined) return bytes
  throw usageError(`expected --${name} to be sizes such as 8000000 or 8MiB between commas, found ${text || 'nothing'}`)
}

/** The JSON of `--sweep`, which does not go with the flags that make a sweep. */
export async function sweepFile({ flags }: CliCall, given: readonly string[]): Promise<object | undefined> {
  const file = flags.text('sweep')
  if (file === undefined) return undefined
  if (given.length > 0) throw usageError(`give the sweep with --sweep or with --${given[0] ?? ''}, not both`)
  const text = await readFileText(file)
  try {
    const sweep: unknown = JSON.parse(text)
    if (typeof sweep === 'object' && sweep !== null) return sweep
  } catch (cause) {
    throw usageError(`expected JSON in ${file}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  throw usageError(`expected an object or a list in ${file}, found something else`)
}
