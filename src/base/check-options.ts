import { KustoUsageError } from '../errors.ts'

/** @throws {KustoUsageError} KUSTO_BAD_OPTION when an option's name is not one of `known` */
export function checkNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw badOption(`expected options among ${known.join(', ')}, found ${name}`)
  }
}

/** @throws {KustoUsageError} KUSTO_BAD_OPTION unless `value` is a whole number from 1 to `max` */
export function wholeNumber(name: string, value: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < 1 || value > max) {
    throw badOption(`expected ${name} to be a whole number from 1 to ${max}, found ${String(value)}`)
  }
  return value
}

/** @throws {KustoUsageError} KUSTO_BAD_OPTION unless `value` is one of `choices` */
export function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) {
    throw badOption(`expected ${name} to be one of ${choices.join(', ')}, found ${value}`)
  }
  return value
}

export function badOption(message: string): KustoUsageError {
  return new KustoUsageError('KUSTO_BAD_OPTION', message)
}
