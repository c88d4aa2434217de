/** How the names of all staging tables begin; nothing else may be named so. */
export const STAGING_PREFIX = 'kustoArrowStaging_'

const NAME = /^kustoArrowStaging_\w*_(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\d{3})Z_[0-9a-f]{12}$/
/** The rest of the name has about 50 characters, of the 1024 that there may be. */
const MAX_TABLE_CHARACTERS = 100

export interface StagingNameParts {
  readonly table: string
  readonly createdAtMs: number
  /** 12 hexadecimal digits, different for each write. */
  readonly id: string
}

/** `kustoArrowStaging_<table>_20261121T155000123Z_1a2b3c4d5e6f`: only letters, digits and `_`. */
export function stagingName({ table, createdAtMs, id }: StagingNameParts): string {
  const simple = table.replaceAll(/[^0-9A-Za-z_]/g, '_').slice(0, MAX_TABLE_CHARACTERS)
  return `${STAGING_PREFIX}${simple}_${new Date(createdAtMs).toISOString().replaceAll(/[-:.]/g, '')}_${id}`
}

/** When a staging table was created, in milliseconds since 1970; undefined for any other name. */
export function stagingCreatedAt(name: string): number | undefined {
  const [, year, month, day, hour, minute, second, ms] = NAME.exec(name)?.map(Number) ?? []
  if (year === undefined || month === undefined) return undefined
  return Date.UTC(year, month - 1, day, hour, minute, second, ms)
}
