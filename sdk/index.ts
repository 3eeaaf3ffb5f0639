/**
 * Mistral Lab: the public steps, in the order of the road.
 * CSV → loadCsv → prepareDataset → loadModel → quantize → attachLora → train → evaluate → save → ChatSession.
 */
export {
  type Compute,
  DEVICES,
  type Device,
  type DeviceInfo,
  type DeviceOptions,
  useDevice,
} from "./backend/device.ts";
export { type Domain, DomainError, domainNames, loadDomain, parseDomain } from "./chat/domain/domain.ts";
export { runTerminalChat } from "./chat/interactive/terminal.ts";
export { defineLanguage } from "./chat/language/defineLanguage.ts";
export type { Language } from "./chat/language/language.ts";
export { addLanguage } from "./chat/language/languages.ts";
export { defaultStages, type ReasoningOptions, ReasoningSystem } from "./chat/reasoning.ts";
export type { ChatTurn } from "./chat/reply.ts";
export { type ChatEvent, ChatSession } from "./chat/session.ts";
export type { ChatSessionOptions, SavedSession } from "./chat/sessionOptions.ts";
export type { AnswerStage, QuestionStage, Stage, StageInput, StageResult } from "./chat/stage.ts";
export { formatTrace, type ReasoningTrace } from "./chat/trace.ts";
export { type CsvOptions, loadCsv, type Table } from "./data/csv.ts";
export { type DatasetOptions, type DatasetReport, prepareDataset } from "./data/dataset.ts";
export { type DescribeOptions, type Description, describe } from "./data/describe/describe.ts";
export type { Example } from "./data/example.ts";
export { previewExample, showExample } from "./data/preview.ts";
export { type RepairFileOptions, repairFile } from "./data/repairFile.ts";
export type { TableReport } from "./data/report/report.ts";
export { type Evaluation, evaluate, meanLoss } from "./evaluate/evaluate.ts";
export type { EvaluateOptions } from "./evaluate/options.ts";
export { compareEvaluations, evaluationTable, worstAnswers } from "./evaluate/table.ts";
export {
  EXPORT_TARGETS,
  EXPORT_TYPES,
  type Exported,
  type ExportOptions,
  type ExportTarget,
  type ExportType,
  exportModel,
} from "./export/exportModel.ts";
export { exportGguf, exportGgufAdapter, type GgufExportType } from "./export/gguf.ts";
export { type Inspection, inspect, type MemoryNeeded } from "./export/inspect.ts";
export { exportMerged, type MergedOptions } from "./export/merged.ts";
export { exportQuantized, type QuantizedOptions } from "./export/quantized.ts";
export { type GeneratedPiece, generate } from "./generate/generate.ts";
export type { GenerateOptions } from "./generate/options.ts";
export type { MistralConfig } from "./model/config.ts";
export { makeTrainable, randomModel, saveModel } from "./model/fullTraining.ts";
export { type LoadOptions, loadAdapters, loadModel } from "./model/load.ts";
export { attachLora, scaleAdapter, trainableParameters, withoutLora } from "./model/lora.ts";
export type { LoraOptions } from "./model/loraOptions.ts";
export { type MemoryOptions, type ModelMemory, type ModelShape, modelMemory } from "./model/memory.ts";
export type { MistralModel } from "./model/mistral.ts";
export { type QuantizeOptions, quantize, weightBytes } from "./model/quantize.ts";
export type { ChatMessage } from "./text/chatTemplate.ts";
export { Tokenizer } from "./text/tokenizer.ts";
export type { SampleAnswer, TrainEvent } from "./train/events.ts";
export type { TrainingHistory } from "./train/history.ts";
export { live } from "./train/live.ts";
export type { TrainOptions } from "./train/options.ts";
export { train } from "./train/train.ts";
export type { Displayable, MimeBundle } from "./views/bundle.ts";
export { bars, histogram, lines, type Plot, type PlotOptions } from "./views/figure.ts";
export { tabulate } from "./views/table.ts";
