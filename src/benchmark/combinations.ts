import { badOption, checkNames } from '../base/check-options.ts'

/** More would take days. */
const MAX_CONFIGURATIONS = 1_000

/**
 * Every combination of the values that a sweep lists for each option; `service` stands for leaving the option out. An option
 * without a list is left out everywhere.
 * @throws {KustoUsageError} KUSTO_BAD_OPTION for an unknown name, an empty list, or too many combinations
 */
export function combinations(sweep: object, names: readonly string[]): readonly Readonly<Record<string, unknown>>[] {
  checkNames(sweep, names)
  const lists = new Map<string, unknown>(Object.entries(sweep))
  let choices: readonly Readonly<Record<string, unknown>>[] = [{}]
  for (const name of names) {
    const values = lists.get(name)
    if (values === undefined) continue
    if (!Array.isArray(values) || values.length === 0) throw badOption(`expected sweep.${name} to be a list of values`)
    choices = choices.flatMap((choice) =>
      values.map((value: unknown) => (value === 'service' ? choice : { ...choice, [name]: value })),
    )
    if (choices.length > MAX_CONFIGURATIONS) {
      throw badOption(`expected a sweep of at most ${MAX_CONFIGURATIONS} configurations, found more`)
    }
  }
  return choices
}
