export { Imagegen } from "./client.js";
export type {
  AnyItem, BatchItem, BatchOptions, ByName, CallOptions, ClientOptions, ItemOptions, JobFilter, ModelFilter,
  Progress,
} from "./client.js";
export type { WaitOptions } from "./connection.js";
export * from "./errors.js";
export type * from "./models.js";
export { Batch, Image, Job } from "./resources.js";
export type {
  BatchData, BudgetState, Cost, Estimate, ImageData, JobData, JobEvent, JobFailure, Json, ModelDetail, ModelSummary,
  Problem, ProblemBudget, ProblemFault, RefusedRequest, Upload, Usage, WebhookEvent,
} from "./types.js";
export { verifyWebhook } from "./webhooks.js";
