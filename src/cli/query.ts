import type { CliCall, CliCommand } from './cli-command.ts'
import { CONNECTION_FLAGS } from './connection-flags.ts'
import { OUTPUT_FLAGS } from './output-flags.ts'
import { QUERY_TEXT_FLAGS } from './query-flags.ts'

/** `kusto-arrow query`: KQL as it is, with its chart. */
export const queryCommand: CliCommand = {
  words: 'query',
  summary: 'send KQL as it is, in one request, and draw what render asks for',
  examples: [
    {
      line: "kusto-arrow query 'Samples | summarize count() by Level | render barchart' --render --local",
      says: 'a chart in the terminal',
    },
    {
      line: "kusto-arrow query 'Samples | summarize avg(Value) by bin(Time, 1h) | render timechart' --render values.svg --local",
      says: 'a picture; .html makes a page of it',
    },
    { line: "kusto-arrow query 'StormEvents | take 5' --output json", says: 'without a chart it gives the rows' },
  ],
  operands: [{ name: 'query', optional: true, help: 'KQL; - takes it from standard input' }],
  flags: [
    ...QUERY_TEXT_FLAGS,
    {
      name: 'property',
      kind: 'list',
      value: 'NAME=VALUE',
      help: 'a client request property, by the service’s name',
      group: 'Query',
    },
    { name: 'timeout', kind: 'duration', help: 'deadline of the query', group: 'Query' },
    {
      name: 'render',
      kind: 'text',
      value: 'FILE',
      isOptional: true,
      help: 'draw the chart that render asks for: in the terminal, or to an .svg or .html file, which needs the packages vega and vega-lite',
      group: 'Chart',
    },
    {
      name: 'chart',
      kind: 'text',
      value: 'KIND',
      help: 'a chart where the query has no render: barchart, columnchart, linechart, timechart, areachart, piechart, scatterchart',
      group: 'Chart',
    },
    ...OUTPUT_FLAGS,
    ...CONNECTION_FLAGS,
  ],
  run: async (call: CliCall): Promise<number> => (await import('./run-query.ts')).runQuery(call),
}
