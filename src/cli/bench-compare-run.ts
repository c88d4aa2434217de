import { readFile } from 'node:fs/promises'
import { compareBenchmarks, comparisonText } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'

/** Compares, and tells by the exit code whether something became slower. */
export async function runBenchCompare({ operands, flags, screen }: CliCall): Promise<number> {
  const [before = '', after = ''] = operands
  const regressionPercent = flags.number('regression')
  const seed = flags.number('seed')
  const comparison = compareBenchmarks(await readFile(before, 'utf8'), await readFile(after, 'utf8'), {
    ...(regressionPercent === undefined ? {} : { regressionPercent }),
    ...(seed === undefined ? {} : { seed }),
  })
  await screen.result(comparison, () => comparisonText(comparison))
  return comparison.hasRegression ? EXIT.failed : EXIT.done
}
