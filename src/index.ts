export { KustoConnector } from './connector.ts'
export type { KustoConnectorOptions } from './connect-settings.ts'
export type { Credential } from './auth/connect-auth.ts'

export { kql, Kql, KustoScalar } from './kql/kql.ts'
export type { KqlSlot, KqlTag } from './kql/kql.ts'
export { and, col, Column, Filter, not, or, where } from './kql/filter.ts'
export type { FilterValue } from './kql/filter.ts'
export type { CompareOperator, FilterNode, TextOperator, ValueTest } from './kql/filter-node.ts'

export type { BatchInput } from './arrow/batches.ts'
export { encodeCsv } from './arrow/encode-csv.ts'
export type { EncodeCsvOptions, EncodedCsv } from './arrow/encode-csv.ts'
export { SCALAR_NAMES } from './arrow/scalar-types.ts'
export type { KustoColumn, ScalarName, TypeOptions } from './arrow/scalar-types.ts'

export { KustoRead, ReadPartitions } from './source/kusto-read.ts'
export { KustoCommand } from './source/kusto-command.ts'
export type { CommandOptions } from './source/kusto-command.ts'
export type { ReadPartition } from './source/partition.ts'
export type { PartitionBy, RangeBound } from './source/partition-by.ts'
export type { ForEachPartitionOptions } from './source/for-each-partition.ts'
export type { PartitionOptions, PlanOptions } from './source/open-plan.ts'
export type { PlanBlob, PlanPartition, ReadPlan } from './source/read-plan.ts'
export type { PartitionInfo } from './source/thread-messages.ts'
export type { OnReadEvent, ReadEvent, RequestActivity } from './source/read-events.ts'
export type { ExplainedColumn, ExplainOptions, ReadExplanation } from './source/explain.ts'
export type { ReadCacheOptions } from './source/read-cache.ts'
export type { RowEstimate } from './source/estimate-rows.ts'
export type { SortOrder } from './source/verbs.ts'
export { readOptionsFromSpark } from './source/spark-read-options.ts'
export type { SparkRead } from './source/spark-read-options.ts'
export type { SparkConnectorOptions, SparkOptions } from './protocol/spark-options.ts'
export type { ExportCompression, ReadMode, ReadOptions } from './source/read-settings.ts'
export type { RequestOptions } from './protocol/request-properties.ts'

export type { TransientStorage } from './source/transient-storage.ts'
export { deleteDirectory } from './source/transient-storage-cleanup.ts'
export type { DeletedDirectory, DeleteDirectoryOptions } from './source/transient-storage-cleanup.ts'

export type {
  DroppedStagingTables,
  DropStagingTablesOptions,
  StagingTableInfo,
  StagingTablesOptions,
} from './sink/staging-sweep.ts'
export type { WriteMode } from './sink/transaction-settings.ts'
export { WriteReceipt } from './sink/write-receipt.ts'
export type { IngestionOutcome, ReceiptBlob, TransactionOutcome, WriteReceiptJson } from './sink/receipt-json.ts'
export type { RetryPhase } from './sink/write-tally.ts'
export type { CompletedOptions } from './sink/write-receipt.ts'
export type { BlobState, BlobStatus } from './sink/ingestion-service.ts'
export type { AdjustSchema, CreateMode } from './sink/plan-schema.ts'
export type { OnWriteEvent, WriteEvent } from './sink/write-events.ts'
export type { IngestionStorage } from './sink/ingestion-storage.ts'
export { writeOptionsFromSpark } from './sink/spark-write-options.ts'
export type { SparkStreamingWrite, SparkWrite } from './sink/spark-write-options.ts'
export type { ExplainStreamingOptions } from './streaming/explain-streaming.ts'
export type { ExplainedTarget, WriteExplanation } from './sink/explain-write.ts'
export type { SchemaDifference } from './sink/schema-difference.ts'
export type { ExplainWriteOptions, WriteFormat, WriteOptions } from './sink/write-settings.ts'
export type { ValidationPolicy } from './sink/ingestion-options.ts'
export type { IngestionColumnMapping, IngestionMapping } from './protocol/ingestion-mapping.ts'
export type { IngestionVia } from './sink/discover-ingestion.ts'

export { benchmarkExport } from './benchmark/benchmark-export.ts'
export type { BenchmarkExportOptions } from './benchmark/benchmark-export.ts'
export { benchmarkWrite } from './benchmark/benchmark-write.ts'
export type { BenchmarkWriteOptions } from './benchmark/benchmark-write.ts'
export type { WriteChoice, WriteSweep } from './benchmark/write-sweep.ts'
export { benchmarkReport } from './benchmark/benchmark-report.ts'
export { drawChart } from './benchmark/draw-chart.ts'
export type { ChartSpec } from './benchmark/chart-spec.ts'
export { benchmarkText, comparisonText } from './benchmark/benchmark-text.ts'
export { compareBenchmarks } from './benchmark/compare-benchmarks.ts'
export type {
  BenchmarkChange,
  BenchmarkComparison,
  ChangeVerdict,
  CompareOptions,
} from './benchmark/compare-benchmarks.ts'
export type { BenchmarkEvent, OnBenchmarkEvent } from './benchmark/benchmark-events.ts'
export type { BenchmarkOptions } from './benchmark/benchmark-settings.ts'
export type { ExportChoice, ExportSweep } from './benchmark/export-sweep.ts'
export type {
  BenchmarkAnswer,
  BenchmarkConfiguration,
  BenchmarkEnd,
  BenchmarkPlan,
  BenchmarkResult,
  BenchmarkRun,
  BenchmarkSubject,
  RunMeasures,
  RunOutcome,
} from './benchmark/benchmark-result.ts'
export type { BenchmarkMachine } from './benchmark/machine.ts'
export type { PhaseSample } from './benchmark/phase-clock.ts'
export type { Recommendation } from './benchmark/recommend.ts'
export type { Interval, Spread } from './benchmark/statistics.ts'
export type { ConfigurationSummary, PhaseSummary } from './benchmark/summarize-runs.ts'

export { KustoWriter } from './streaming/kusto-writer.ts'
export type { FlushedRows, WriterWriteOptions, WrittenRows } from './streaming/kusto-writer.ts'
export type { WriterInput } from './streaming/writer-intake.ts'
export type {
  AtLeastOnceWriterOptions,
  BatchingOptions,
  ExactlyOnceWriterOptions,
  RejectedBatch,
  RejectedStagedBatch,
  StreamingWriterOptions,
  WriterOptions,
} from './streaming/writer-settings.ts'
export type { ExactlyOnceOptions } from './streaming/exactly-once-settings.ts'
export type { ResumePoint } from './streaming/batch-sink.ts'
export type { ResumableSource, StreamReadOptions, WriteStreamOptions } from './streaming/open-writer.ts'
export { MicroBatchSink } from './streaming/micro-batch-sink.ts'
export type { AddedBatch, MicroBatchOptions } from './streaming/micro-batch-sink.ts'
export { auditColumns } from './sink/audit-columns.ts'
export type { AuditColumnsOptions, AuditNames } from './sink/audit-columns.ts'
export { auditSummary, createDistinctView, distinctRows, duplicateRows } from './sink/audit-queries.ts'
export { publishMetrics } from './streaming/publish-metrics.ts'
export { writerOptionsFromFlink } from './streaming/flink-writer-options.ts'
export type { FlinkOptions } from './streaming/flink-writer-options.ts'
export type { KustoConnectorTarget, WriterFromFlink } from './streaming/flink-result.ts'
export { tagBudget } from './streaming/tag-budget.ts'
export type { TagBudget, TagBudgetOptions } from './streaming/tag-budget.ts'
export { fileLog } from './streaming/file-log.ts'
export { inspectLog, settleBatch } from './streaming/log-tools.ts'
export type { LogInfo, UnsettledBatchInfo } from './streaming/log-tools.ts'
export { blobLog } from './streaming/blob-log.ts'
export type { BlobLogOptions, LogStorage } from './streaming/blob-log.ts'
export type { AcquireLogOptions, LogObject, LogOwnership, LogStore } from './streaming/log-store.ts'
export type { StreamSource } from './streaming/write-stream.ts'
export type { OnWriterEvent, WriterEvent } from './streaming/writer-events.ts'
export type { WriterMetrics } from './streaming/writer-metrics.ts'
export { acknowledgingTransform, nodeWritable, writableStream } from './streaming/writer-streams.ts'
export { IngestReceipt } from './streaming/ingest-receipt.ts'
export type { DeliveryCounts, IngestReceiptJson, PiecePath, ReceiptPiece } from './streaming/ingest-receipt-json.ts'
export type { StreamingFailureKind } from './client/streaming-failure.ts'
export type { DeliveryOptions } from './streaming/delivery-settings.ts'
export type { StreamingFormat, StreamingWriteOptions } from './streaming/streaming-write-settings.ts'
export type { OnStreamingEvent, QueueReason, StreamingEvent } from './streaming/streaming-events.ts'
export type { IngestFormat } from './streaming/ingest-formats.ts'
export type {
  IngestOptions,
  QueuedIngestOptions,
  SourceOptions,
  StreamingIngestOptions,
} from './streaming/ingest-settings.ts'
export type { BytesInput } from './streaming/source-bytes.ts'
export type {
  EnableStreamingOptions,
  PolicyCallOptions,
  StreamingIngestionPolicy,
  StreamingPolicyHandle,
} from './streaming/streaming-policy.ts'
export type {
  AlterBatchingOptions,
  BatchingPolicyHandle,
  IngestionBatchingPolicy,
} from './streaming/batching-policy.ts'
export type { ClearedSchemaCache, ClearSchemaCacheOptions } from './streaming/schema-cache.ts'
export { clusterStreaming } from './streaming/cluster-streaming.ts'
export type {
  ClusterOperationOptions,
  ClusterStreaming,
  ClusterStreamingOptions,
} from './streaming/cluster-streaming.ts'
export { ClusterOperation } from './streaming/cluster-operation.ts'
export type { ClusterOperationEvent, ClusterStreamingState, ClusterWaitOptions } from './streaming/cluster-operation.ts'
export type { ArmAddress } from './streaming/arm-clusters.ts'

export {
  KustoAuthError,
  KustoDataError,
  KustoError,
  KustoIngestError,
  KustoNetworkError,
  KustoProtocolError,
  KustoServiceError,
  KustoUsageError,
} from './errors.ts'
export type { BlobFailure, KustoErrorContext } from './errors.ts'
