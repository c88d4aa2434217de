import { compareBenchmarks, comparisonText } from '../index.ts'
import type { CliCall } from './cli-command.ts'
import { EXIT } from './exit-codes.ts'
import { readFileText } from './read-text.ts'

/** Compares, and tells by the exit code whether something became slower. */
export async function runBenchCompare({ operands, flags, screen }: CliCall): Promise<number> {
  const [before = '', after = ''] = operands
  const regressionPercent = flags.number('regression')
  const seed = flags.number('seed')
  const comparison = compareBenchmarks(await readFileText(before), await readFileText(after), {
    ...(regressionPercent === undefined ? {} : { regressionPercent }),
    ...(seed === undefined ? {} : { seed }),
  })
  await screen.result(comparison, () => comparisonText(comparison))
  return comparison.hasRegression ? EXIT.failed : EXIT.done
}
