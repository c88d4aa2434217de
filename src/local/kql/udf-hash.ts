import { createHash } from 'node:crypto'

import { xxHash64 } from './hashes.ts'
import { udf, type Udf } from './udf-definition.ts'

const EIGHT_BYTES = Buffer.alloc(8)

export const HASH_UDFS: readonly Udf[] = [
  udf('k_hash_text', ['text'], 'long', (text) => xxHash64(Buffer.from(text))),
  udf('k_hash_long', ['long'], 'long', (value) => {
    EIGHT_BYTES.writeBigInt64LE(value)
    return xxHash64(EIGHT_BYTES)
  }),
  udf('k_sha1', ['text'], 'text', (text) => createHash('sha1').update(text).digest('hex')),
]
