/** What the service answers. Made from openapi.json by sdk/generate.py; do not edit. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export type JobStatus = string;
export type ResultDetails = Record<string, unknown>;

/** An image in the bucket. Its type, size and digest were read from its bytes. */
export interface ImageData {
  /** Download link: signed anew at every read, or below S3_PUBLIC_URL. */
  url: string;
  /** Permanent link; a relative path unless PUBLIC_URL is set. */
  permalink: string;
  /** Link for people and programs without an API key, until its job is deleted or IMAGEGEN_LINK_EXPIRES is over; a relative path unless PUBLIC_URL is set. */
  link: string;
  /** Key in the bucket. It never changes. */
  key: string;
  /** Media type, detected from the bytes; `application/octet-stream` if no decoder opens them. */
  contentType: string;
  /** Pixels, as displayed; null for an SVG, and for bytes that no decoder opens. */
  width: number | null;
  /** Pixels, as displayed; null for an SVG, and for bytes that no decoder opens. */
  height: number | null;
  /** Size of the stored file in bytes. */
  sizeBytes: number;
  /** SHA-256 of the stored file, in lower-case hex. */
  sha256: string;
  /** What it is: an `image`, or a `mask` beside images, which is not charged. Currently `image`, `mask`; more may come. */
  role: string;
  /** Whether fal's safety checker flagged the image; null if the model has no checker. */
  nsfw: boolean | null;
}

/** What the job costs you, and what fal.ai billed for it. */
export interface Cost {
  /** US dollars for each image; for the dearest one, if they differ in size. Until the job has ended, for the smallest image, if its size is not known before. */
  costPerImage: number;
  /** Images delivered and charged; until the job has ended, images requested. */
  numImages: number;
  /** US dollars beside the images, charged once if any image is delivered. */
  requestCost: number;
  /** US dollars that you are charged: `requestCost`, and `costPerImage` for each image, or less for smaller ones. Until the job has ended, what is expected. */
  totalCost: number;
  /** US dollars that were reserved of budgets, and the most that you are charged. */
  maxCost: number;
  /** Currency of every amount here. */
  currency: string;
  /** Units that fal.ai billed; null until fal.ai reports them. */
  providerUnits: number | null;
  /** fal.ai's bill: its units times its unit price. Null if unknown; `providerNote` says why. */
  providerCost: number | null;
  /** Source of fal.ai's figures: `billed`, or `estimated`. Currently `estimated`, `billed`; more may come. */
  source: string;
  /** What fal.ai bills by, in its own words. */
  providerUnit: string | null;
  /** fal.ai's price of one unit when the job was created. */
  providerUnitPrice: number | null;
  /** Why `providerCost` is null, for people. */
  providerNote: string | null;
}

/** Why a job failed. */
export interface JobFailure {
  /** Stable code, for programs. Currently `provider_rejected`, `provider_unavailable`, `provider_account`, `input_refused`, `output_refused`, `submission_unknown`, `input_gone`, `result_lost`, `result_unreadable`, `result_too_large`, `cancel_unconfirmed`, `runner_crashed`, `storage_unavailable`, `picture_too_large`, `foreign_media_host`, `image_gone`, `not_a_picture`, `transfer_failed`, `job_timeout`, `queue_timeout`, `deadline_exceeded`, `status_unreadable`; more may come. */
  code: string;
  /** Explanation, for people; fal.ai's own message if fal.ai failed. */
  message: string;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  /** HTTP status of fal.ai's response, if there was one. */
  falStatus: number | null;
  /** fal.ai's own error type. */
  falErrorType: string | null;
  /** fal.ai's list of errors, one sentence each. */
  falDetail: string[];
  /** Whether you were charged. A failed job is not charged. */
  charged: boolean;
}

/** An image that fal.ai generated and that could not be delivered. It is not charged. */
export interface MissingImage {
  /** Its position among fal.ai's images, from 0. */
  index: number;
  /** Stable code, for programs. Currently `picture_too_large`, `foreign_media_host`, `image_gone`, `not_a_picture`, `transfer_failed`; more may come. */
  code: string;
  /** Explanation, for people. */
  message: string;
}

/** A period of a budget, as it is now. */
export interface BudgetState {
  /** The budget's id. */
  id: string;
  /** The budget's name. */
  name: string;
  /** US dollars that may be spent in the period: the amount with its adjustments. */
  limit: number;
  /** US dollars that ended jobs cost. */
  used: number;
  /** US dollars that unfinished jobs can cost at most. */
  reserved: number;
  /** US dollars that are left; 0 if the budget is used up. */
  remaining: number;
  /** UTC; when the budget begins anew. Null for a prepaid wallet, which never does, and for `rolling-30d`, which does so bit by bit. */
  resetsAt: string | null;
  /** Whether it refuses jobs; if not, it only tells. */
  hard: boolean;
}

/** One generation, from the accepted request to its images. */
export interface JobData {
  /** A ULID: 26 characters that sort by time. */
  jobId: string;
  /** One of queued, running, completed, failed, cancelled; more may come. */
  status: string;
  /** The images; empty until the job has completed. */
  images: ImageData[];
  cost: Cost;
  /** Why it failed; null unless it did. */
  error: JobFailure | null;
  /** The model's name. */
  model: string;
  /** As given in the request. */
  inputs: Record<string, unknown>;
  /** As given in the request. */
  options: Record<string, unknown>;
  /** The user that the request names. */
  userId: string;
  /** What fal.ai's result holds besides the images; null until fal.ai has responded. A job that failed because the result has no image has it too. */
  result: ResultDetails | null;
  /** Images that fal.ai generated and that could not be delivered, besides those that were. Almost always empty. */
  missingImages: MissingImage[];
  /** What an unfinished job waits for and since when, as a sentence for people; null once it has ended. */
  waitingFor: string | null;
  /** Why an operator must look at this paid job; almost always null. */
  attention: string | null;
  /** UTC. */
  createdAt: string;
  /** UTC; null while the job is queued. */
  startedAt: string | null;
  /** UTC; when the job ended, in any status; null before. */
  completedAt: string | null;
  /** UTC; when fal.ai was first asked to cancel the job. It may still complete. */
  cancelRequestedAt: string | null;
  /** What is left of the budgets that the job counts in; empty in lists and events. */
  budgets: BudgetState[];
  /** The batch that the job belongs to, if any. */
  batchId: string | null;
  /** The job that this job retries, if any. */
  retryOf: string | null;
  /** The kind of job. Currently `image-generation`; more may come. */
  type: string;
}

/** The jobs of a batch by status. */
export interface BatchCounts {
  /** All jobs. */
  total: number;
  /** Not started. */
  queued: number;
  /** In progress. */
  running: number;
  /** Ended with images. */
  completed: number;
  /** Ended without images, and not charged. */
  failed: number;
  /** Cancelled by a caller, and not charged. */
  cancelled: number;
}

/** What a batch costs you. */
export interface BatchCost {
  /** US dollars, if every image is delivered. */
  estimated: number;
  /** US dollars, for the jobs completed so far. */
  charged: number;
  /** Currency of both amounts. */
  currency: string;
}

/** A budget without room for a request. */
export interface ProblemBudget {
  /** The budget's id. */
  id: string;
  /** The budget's name. */
  name: string;
  /** US dollars that may be spent in the period. */
  limit: number;
  /** US dollars that ended jobs cost. */
  used: number;
  /** US dollars that unfinished jobs can cost at most. */
  reserved: number;
  /** US dollars that are left. */
  remaining: number;
  /** US dollars that the request can cost at most. */
  estimate: number;
  /** UTC; when the budget begins anew. Null for a prepaid wallet and for `rolling-30d`. */
  resetsAt: string | null;
}

/** A request of a batch that its budgets did not allow. It has no job. */
export interface RefusedRequest {
  /** Its place among the requests, from 0. */
  index: number;
  /** The budgets that refused it. */
  budgets: ProblemBudget[];
}

/** Jobs that were requested together, and their progress. */
export interface BatchData {
  /** A ULID. `GET /api/jobs?batchId=` lists the jobs. */
  batchId: string;
  /** The user that the request names. */
  userId: string;
  /** `running` until every job has ended, then `ended`. Currently `running`, `ended`; more may come. */
  status: string;
  counts: BatchCounts;
  cost: BatchCost;
  /** In the order of the requests. */
  jobIds: string[];
  /** The requests for which budgets had no room; always empty without `partial`. */
  refused: RefusedRequest[];
  /** UTC. */
  createdAt: string;
}

/** One factor of a price. The total is the product of all factors but the additions, which are added to it. */
export interface PriceFactor {
  /** What `value` is: `costPerImage` or `costPerRequest` in US dollars, a `multiplier`, the number of `megapixels` of an image or of `images`, or an `addition` in US dollars. Currently `costPerImage`, `costPerRequest`, `multiplier`, `megapixels`, `images`, `addition`; more may come. */
  kind: string;
  /** The number. */
  value: number;
  /** The parameter that determines it; null if the model does. */
  parameter: string | null;
  /** That parameter's value; null if it was left out. */
  given: unknown;
}

/** One thing that `generate` would refuse if the request were sent as it is. */
export interface EstimateWarning {
  /** JSON Pointer into the body. */
  pointer: string;
  /** Stable code, the same as in the error of `generate`. Currently `missing`, `blank`, `unknown_name`, `misplaced_name`, `unknown_model`, `wrong_type`, `not_allowed`, `out_of_range`, `too_short`, `too_long`, `wrong_format`, `unsupported`, `conflict`, `too_large`, `gone`, `too_deep`, `invalid_json`, `malformed_json`, `malformed_form`, `invalid`; more may come. */
  code: string;
  /** What is wrong and how to fix it, in a sentence or two for people. */
  message: string;
}

/** What you would be charged for a request if every image is delivered. */
export interface Estimate {
  /** US dollars for each image; for the smallest one, if its size is not known before. */
  costPerImage: number;
  /** US dollars beside the images, charged once if any image is delivered. */
  requestCost: number;
  /** US dollars: `requestCost`, and `costPerImage` for each image. If `exact`, this is what you would be charged. */
  totalCost: number;
  /** US dollars that would be reserved of budgets, and the most that you would be charged: for the largest size and number of images, where these are known only once the images are made. */
  maxCost: number;
  /** Whether `totalCost` and `maxCost` are the same. */
  exact: boolean;
  /** Images that the price is for. */
  numImages: number;
  /** Currency of every amount here. */
  currency: string;
  /** How the price was computed, one sentence per step. */
  explanation: string[];
  /** The same, for programs. */
  factors: PriceFactor[];
  /** What `generate` would refuse in this request; empty if it would accept it as it is. */
  warnings: EstimateWarning[];
  /** What is left of the budgets that the job would count in. */
  budgets: BudgetState[];
}

/** The end of a model. */
export interface Retirement {
  /** From this day, in UTC, new requests are refused with 410. */
  since: string;
  /** The model to use instead, if there is one. */
  successor: string | null;
}

/** A model with the JSON Schemas of its inputs and options, and a request that works. */
export interface ModelDetail {
  /** The value of `model` in requests. */
  name: string;
  /** The fal.ai endpoint that runs it. */
  falEndpoint: string;
  /** What it is for. */
  category: string;
  /** One sentence, to help people choose. */
  description: string;
  /** Names of the required inputs. */
  requiredInputs: string[];
  /** Names of the optional inputs. */
  optionalInputs: string[];
  /** Names of the options. */
  options: string[];
  /** Options that apply if the request does not set them. */
  defaultOptions: Record<string, unknown>;
  /** US dollars for one image with the defaults, or for the request, if the number of images does not matter. `estimate-cost` prices a request. */
  costPerImage: number;
  /** US dollars for the cheapest request for one image. */
  minCostPerImage: number;
  /** US dollars for the dearest request for one image; null if nothing bounds it. */
  maxCostPerImage: number | null;
  /** Whether requests may have images. */
  takesImages: boolean;
  /** Whether requests may have a mask. */
  takesMask: boolean;
  /** Whether requests may have LoRA weights. */
  takesLoras: boolean;
  /** How a request says the size of its images: in pixels or by a preset, as a ratio, or not at all. Currently `pixels`, `ratios`, `none`; more may come. */
  sizes: string;
  /** The most images that one request can make; null if nothing bounds it. */
  maxImages: number | null;
  /** Short words for what it is good at. */
  tags: string[];
  /** Other names that requests may have in `model`. */
  aliases: string[];
  /** When it ends; null if that is not planned. */
  retired: Retirement | null;
  /** The day on which the catalog's entry was checked; null if unknown. */
  verifiedAt: string | null;
  /** Where its facts and its price are from. */
  source: string | null;
  /** The JSON Schema of `inputs`. */
  inputsSchema: Record<string, unknown>;
  /** The JSON Schema of `options`. */
  optionsSchema: Record<string, unknown>;
  /** A body for POST /api/images/generate. */
  example: Record<string, unknown>;
}

/** A model of the catalog. */
export interface ModelSummary {
  /** The value of `model` in requests. */
  name: string;
  /** The fal.ai endpoint that runs it. */
  falEndpoint: string;
  /** What it is for. */
  category: string;
  /** One sentence, to help people choose. */
  description: string;
  /** Names of the required inputs. */
  requiredInputs: string[];
  /** Names of the optional inputs. */
  optionalInputs: string[];
  /** Names of the options. */
  options: string[];
  /** Options that apply if the request does not set them. */
  defaultOptions: Record<string, unknown>;
  /** US dollars for one image with the defaults, or for the request, if the number of images does not matter. `estimate-cost` prices a request. */
  costPerImage: number;
  /** US dollars for the cheapest request for one image. */
  minCostPerImage: number;
  /** US dollars for the dearest request for one image; null if nothing bounds it. */
  maxCostPerImage: number | null;
  /** Whether requests may have images. */
  takesImages: boolean;
  /** Whether requests may have a mask. */
  takesMask: boolean;
  /** Whether requests may have LoRA weights. */
  takesLoras: boolean;
  /** How a request says the size of its images: in pixels or by a preset, as a ratio, or not at all. Currently `pixels`, `ratios`, `none`; more may come. */
  sizes: string;
  /** The most images that one request can make; null if nothing bounds it. */
  maxImages: number | null;
  /** Short words for what it is good at. */
  tags: string[];
  /** Other names that requests may have in `model`. */
  aliases: string[];
  /** When it ends; null if that is not planned. */
  retired: Retirement | null;
  /** The day on which the catalog's entry was checked; null if unknown. */
  verifiedAt: string | null;
  /** Where its facts and its price are from. */
  source: string | null;
}

/** A model that takes no requests until the operator gives it a price. */
export interface UnpricedModel {
  /** Its name in the catalog. */
  name: string;
  /** The fal.ai endpoint that runs it. */
  falEndpoint: string;
  /** What it is for. */
  category: string;
  /** One sentence, to help people choose. */
  description: string;
  /** Where its facts are from. */
  source: string | null;
}

/** The models that `POST /api/images/generate` takes and that match. */
export interface ModelList {
  /** In the catalog's order. */
  models: ModelSummary[];
  /** Models that only lack a price, which an entry of the operator's catalog sets; empty with a filter. */
  unpriced: UnpricedModel[];
}

/** An image that the caller uploaded. Its type, size and digest were read from its bytes. */
export interface Upload {
  /** Use it as `image_url`, in `image_urls` and the like in requests of the same user. */
  url: string;
  /** Key in the bucket. The same image gets the same key. */
  key: string;
  /** Media type, detected from the bytes. */
  contentType: string;
  /** Pixels, as displayed. */
  width: number;
  /** Pixels, as displayed. */
  height: number;
  /** Size of the file in bytes. */
  sizeBytes: number;
  /** SHA-256 of the file, in lower-case hex. */
  sha256: string;
}

/** The sums of a row over its ended jobs. */
export interface UsageFigures {
  /** Jobs that ended, in any status. */
  jobs: number;
  /** Jobs that ended with images. */
  completed: number;
  /** Jobs that ended without. */
  failed: number;
  /** Images delivered. */
  images: number;
  /** What you charge. */
  charged: number;
  /** fal.ai's bill; null unless it is known for every job. */
  providerCost: number | null;
  /** fal.ai's bill for the jobs for which it is known. */
  knownProviderCost: number;
  /** `charged` less `providerCost`; null if that is null. */
  margin: number | null;
  /** Jobs whose fal.ai bill is unknown; each job's `providerNote` says why. */
  unpricedJobs: number;
}

/** One row. Only the member that the rows are grouped by is set. */
export interface UsageRow {
  /** Jobs that ended, in any status. */
  jobs: number;
  /** Jobs that ended with images. */
  completed: number;
  /** Jobs that ended without. */
  failed: number;
  /** Images delivered. */
  images: number;
  /** What you charge. */
  charged: number;
  /** fal.ai's bill; null unless it is known for every job. */
  providerCost: number | null;
  /** fal.ai's bill for the jobs for which it is known. */
  knownProviderCost: number;
  /** `charged` less `providerCost`; null if that is null. */
  margin: number | null;
  /** Jobs whose fal.ai bill is unknown; each job's `providerNote` says why. */
  unpricedJobs: number;
  /** The model, if rows are grouped by model. */
  model: string | null;
  /** The day in UTC, if rows are grouped by day. */
  day: string | null;
  /** The month in UTC, if rows are grouped by month. */
  month: string | null;
  /** The user, if rows are grouped by user. */
  userId: string | null;
}

/** What was spent, in total and by group. */
export interface Usage {
  /** The user; null for every user of the API key. */
  userId: string | null;
  /** The first day. */
  from: string | null;
  /** The day after the last. */
  to: string | null;
  /** What the rows are grouped by. */
  groupBy: string;
  /** Currency of every amount here. */
  currency: string;
  /** The sums of all jobs, those of omitted rows included. */
  total: UsageFigures;
  /** Sorted by what they are grouped by; users by what they were charged, the most first. */
  rows: UsageRow[];
  /** Users without a row: it has the 1,000 that were charged most. */
  omittedRows: number;
}

/** Something that happened to a job; the first event of a stream is the job's current state. */
export interface JobEvent {
  /** The job's id. */
  jobId: string;
  /** The job's version, and the event's id. Progress within a version repeats it. */
  version: number;
  /** One of queued, running, completed, failed, cancelled; more may come. */
  status: string;
  /** waiting for a runner, submitting, submitted, in_queue or generating at fal.ai, or storing; more may come. Null once the job has ended. */
  stage: string | null;
  /** Requests ahead in fal.ai's queue, if fal.ai reports it. */
  queuePosition: number | null;
  /** Lines that the model logged since the last event; some may be missing. */
  logs: string[];
  /** Images in the bucket so far, while they are being stored. */
  imagesStored: number | null;
  /** Images to store. */
  imagesTotal: number | null;
  /** What the job waits for and since when, as a sentence for people; null on progress and on the last event. */
  waitingFor: string | null;
  /** The job with its images or its error; only on the last event. */
  job: JobData | null;
}

/** A job has ended. All attempts have the same `webhook-id`; another id means another end of the job. */
export interface WebhookEvent {
  /** `job.completed`, `job.failed` or `job.cancelled`; more may come. */
  type: string;
  /** UTC; when the job ended. */
  timestamp: string;
  data: JobData;
}

/** A period of a budget, when the event happened. Money is in US dollars. */
export interface BudgetEventData {
  /** The budget's id. */
  budgetId: string;
  /** The budget's name. */
  name: string;
  /** Whose period it is: a key's id, a user's, or empty if all jobs count. */
  holder: string;
  /** The percentage of the limit that was reached; null in `budget.refused`. */
  percent: number | null;
  /** What may be spent in the period. */
  limit: number;
  /** The cost of jobs that have ended. */
  used: number;
  /** The highest cost of the jobs that have not. */
  reserved: number;
  /** UTC; when the budget begins anew. Null: never. */
  resetsAt: string | null;
}

/** Something about a budget. All attempts have the same `webhook-id`. */
export interface BudgetEvent {
  /** `budget.alert` or `budget.refused`; more may come. */
  type: string;
  /** UTC; when it happened. */
  timestamp: string;
  data: BudgetEventData;
}

/** One thing wrong with the request. */
export interface ProblemFault {
  /** JSON Pointer into the body, or the name of a parameter, of a header or of a key in a catalog (`location`). */
  pointer: string;
  /** Stable code, for programs. Currently `missing`, `blank`, `unknown_name`, `misplaced_name`, `unknown_model`, `wrong_type`, `not_allowed`, `out_of_range`, `too_short`, `too_long`, `wrong_format`, `unsupported`, `conflict`, `too_large`, `gone`, `too_deep`, `invalid_json`, `malformed_json`, `malformed_form`, `invalid`; more may come. */
  code: string;
  /** One sentence, for people. */
  message: string;
  /** The valid values. */
  valid?: string[];
  /** The closest valid name. */
  suggestion?: string;
  /** `query`, `path` or `header` if `pointer` is the name of a parameter, `catalog` if it is that of a key in a file of the catalog. Left out for the body. */
  location?: string;
}

/** A rate, or a limit on open jobs, that is used up. */
export interface ProblemLimit {
  /** Whose limit it is, and of what. */
  name: string;
  /** How many pass in a minute, and how many may come at once; of `-open-jobs`, how many jobs may be unfinished. */
  limit: number;
  /** How many still pass at once; too few for this request. */
  remaining: number;
  /** UTC; when the request would pass this limit, or, of `-open-jobs`, may be worth another try. */
  freeAt: string;
}

/** An error (RFC 9457). Members that do not apply are left out. */
export interface Problem {
  /** The code as a URI. */
  type: string;
  /** The HTTP status in words. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** What is wrong, for people; fal.ai's own message if fal.ai failed. */
  detail: string;
  /** Stable code, for programs. Currently `invalid_input`, `invalid_query`, `unknown_model`, `unauthorized`, `insufficient_scope`, `user_not_allowed`, `grant_not_allowed`, `beyond_rate`, `key_not_found`, `key_revoked`, `key_expired`, `key_conflict`, `too_many_keys`, `budget_exceeded`, `catalog_refused`, `budget_not_found`, `budget_deleted`, `budget_conflict`, `too_many_budgets`, `job_not_found`, `batch_not_found`, `image_not_found`, `not_acceptable`, `request_timeout`, `idempotency_mismatch`, `job_finished`, `job_unfinished`, `not_to_be_retried`, `job_deleted`, `model_retired`, `body_too_large`, `unsupported_media_type`, `unsupported_picture`, `input_refused`, `output_refused`, `rate_limited`, `link_not_found`, `link_ended`, `image_gone`, `range_not_satisfiable`, `headers_too_large`, `provider_rejected`, `provider_account`, `internal_error`, `too_many_streams`, `unavailable`, `invalid_request`, `malformed_request`, `model_not_allowed`, `foreign_origin`, `misdirected_request`, `not_found`, `method_not_allowed`, `too_many_bodies`, `too_many_downloads`, `too_many_connections`, `provider_unavailable`, `submission_unknown`, `input_gone`, `result_lost`, `result_unreadable`, `result_too_large`, `cancel_unconfirmed`, `runner_crashed`, `storage_unavailable`, `picture_too_large`, `foreign_media_host`, `not_a_picture`, `transfer_failed`, `job_timeout`, `queue_timeout`, `deadline_exceeded`, `status_unreadable`; more may come. */
  code: string;
  /** Everything that is wrong with the request. */
  errors?: ProblemFault[];
  /** The rates that are used up. */
  limits?: ProblemLimit[];
  /** The budgets that have no room. */
  budgets?: ProblemBudget[];
  /** Required inputs that are missing. */
  missing?: string[];
  /** The valid models. */
  validModels?: string[];
  /** The closest valid name. */
  suggestion?: string;
  /** Equal to the header X-Request-Id; quote it to support. */
  requestId?: string;
  /** The job in question; after a 503 it may or may not exist. */
  jobId?: string;
  /** The batch in question; after a 503 it may or may not exist. */
  batchId?: string;
  /** The API key in question. */
  keyId?: string;
  /** The budget in question. */
  budgetId?: string;
  /** HTTP status of fal.ai's response, if there was one. */
  falStatus?: number;
  /** fal.ai's own error type. */
  falErrorType?: string;
  /** Whether the same request may succeed later. */
  retryable?: boolean;
  /** For a failed job: whether you were charged. */
  charged?: boolean;
}
