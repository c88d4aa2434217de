import { LocalError } from '../server/local-error.ts'

const NOT_FOUND_TYPE = 'Kusto.Data.Exceptions.EntityNotFoundException'

/** What the service answers when a command names something that does not exist. */
export function entityNotFound(kind: string, id: string): LocalError {
  return new LocalError('BadRequest_EntityNotFound', `Entity ID '${id}' of kind '${kind}' was not found.`, {
    type: NOT_FOUND_TYPE,
  })
}

/** What the service answers when data is sent to a table that does not exist. */
export function tableNotExist(name: string): LocalError {
  return new LocalError('BadRequest_TableNotExist', `Table '${name}' does not exist.`, { type: NOT_FOUND_TYPE })
}

export function databaseNotExist(name: string): LocalError {
  return new LocalError('BadRequest_DatabaseNotExist', `Database '${name}' does not exist.`, {
    type: 'Kusto.Data.Exceptions.DatabaseNotFoundException',
  })
}

export function entityExists(kind: string, name: string): LocalError {
  return new LocalError(
    'BadRequest_EntityNameAlreadyExists',
    `Entity name '${name}' of kind '${kind}' already exists.`,
    {
      type: 'Kusto.Data.Exceptions.EntityNameAlreadyExistsException',
    },
  )
}

/** A command that parses and names things that exist, and still cannot be done. */
export function badRequest(message: string): LocalError {
  return new LocalError('General_BadRequest', message)
}

/** Text that is not a command. `position` is the 0-based offset into the text. */
export function syntaxError(message: string, position?: number): LocalError {
  const where = position === undefined ? '' : ` [position ${position}]`
  return new LocalError('BadRequest_SyntaxError', `Syntax error: ${message}${where}`, {
    type: 'Kusto.Data.Exceptions.SyntaxException',
    innerCode: 'SYN0002',
  })
}
