/** What can go wrong, by what to do about it. `retryable`, `charged` and `requestId` are on every error. */

import type { JobData, Problem, ProblemBudget, ProblemFault } from "./types.js";

interface Facts {
  retryable?: boolean | undefined;
  charged?: boolean | undefined;
  requestId?: string | undefined;
  cause?: unknown;
}

/** Every error of this package. */
export class ImagegenError extends Error {
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** Whether the job was charged; undefined if there is none, or if that is unknown. */
  readonly charged: boolean | undefined;
  /** Quote it to the service's operator. */
  readonly requestId: string | undefined;

  constructor(message: string, facts: Facts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.retryable = facts.retryable ?? false;
    this.charged = facts.charged;
    this.requestId = facts.requestId;
  }
}

/**
 * The service was not reached, or its answer was lost, until the retries ran out. A request that generates may have been
 * accepted: repeat it with `idempotencyKey` and it is not paid twice. Not `retryable` if the address or the certificate is wrong.
 */
export class ConnectionFailed extends ImagegenError {
  readonly idempotencyKey: string | undefined;

  constructor(message: string, requestId?: string, idempotencyKey?: string, retryable = true) {
    super(message, { retryable, requestId });
    this.idempotencyKey = idempotencyKey;
  }
}

/** The job or batch did not end within the timeout. It goes on. */
export class WaitTimeout extends ImagegenError {
  readonly id: string;

  constructor(id: string) {
    super(`${id} has not ended within the timeout; it goes on.`, { retryable: true });
    this.id = id;
  }
}

/** The answer is not that of an imagegen service. */
export class UnexpectedResponse extends ImagegenError {}

/** The webhook is not signed with the secret, or not just now. */
export class InvalidWebhook extends ImagegenError {}

/** The job ended without images. */
export class JobFailed extends ImagegenError {
  readonly code: string;
  readonly jobId: string;
  readonly job: JobData | undefined;

  constructor(message: string, code: string, jobId: string, job: JobData | undefined, facts: Facts) {
    super(message, facts);
    this.code = code;
    this.jobId = jobId;
    this.job = job;
  }
}

/** Moderation refused the input or the output. */
export class JobRefused extends JobFailed {}

/** The job was cancelled. */
export class JobCancelled extends JobFailed {}

/** A problem that the service describes (RFC 9457). */
export class ApiError extends ImagegenError {
  readonly problem: Problem;
  readonly status: number;
  readonly code: string;
  /** Everything that is wrong with the request, each with its place. */
  readonly faults: readonly ProblemFault[];
  /** Seconds after which to come back. */
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail, problem);
    this.problem = problem;
    this.status = problem.status;
    this.code = problem.code;
    this.faults = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

/** Nothing was sent to fal.ai; `faults` says what to change. */
export class InvalidRequest extends ApiError {}
/** The API key is missing or wrong. */
export class Unauthorized extends ApiError {}
/**
 * Budgets have no room for what the request can cost. Nothing was stored, sent or billed. No client repeats such a
 * request by itself.
 */
export class BudgetExceeded extends ApiError {
  /** Each of them, with what is left and when it begins anew. */
  readonly budgets: readonly ProblemBudget[];

  constructor(problem: Problem, retryAfter?: number) {
    super(problem, retryAfter);
    this.budgets = problem.budgets ?? [];
  }
}
/** The API key is not for this user or model, or for so many images at once. */
export class Forbidden extends ApiError {}
/** There is no such thing, or the API key may not see it, or it was deleted. */
export class NotFound extends ApiError {}
/** The job, batch or idempotency key is in a state that does not allow this. */
export class Conflict extends ApiError {}
/** Too many requests or images; `retryAfter` says when to come back, `problem.limits` which rates are used up. */
export class RateLimited extends ApiError {}
/** The service cannot answer now. */
export class ServiceUnavailable extends ApiError {}

const BY_STATUS: Record<number, typeof ApiError> = {
  400: InvalidRequest, 401: Unauthorized, 402: BudgetExceeded, 403: Forbidden, 404: NotFound, 409: Conflict, 410: NotFound,
  413: InvalidRequest, 415: InvalidRequest, 422: InvalidRequest, 429: RateLimited,
  502: ServiceUnavailable, 503: ServiceUnavailable, 504: ServiceUnavailable,
};
const isRefusal = (code: string): boolean => code === "input_refused" || code === "output_refused";

/** The error that a response describes. */
export function errorFrom(problem: Problem, retryAfter?: number): ImagegenError {
  if (problem.jobId !== undefined && problem.charged !== undefined && [422, 500].includes(problem.status)) {
    const Kind = isRefusal(problem.code) ? JobRefused : JobFailed;
    return new Kind(problem.detail, problem.code, problem.jobId, undefined, problem);
  }
  return new (BY_STATUS[problem.status] ?? ApiError)(problem, retryAfter);
}

/** The error of a job that ended without images. */
export function failureOf(job: JobData, requestId: string | undefined): JobFailed {
  const { error, jobId } = job;
  if (error === null) {
    return new JobCancelled(`Job ${jobId} was cancelled.`, "cancelled", jobId, job, { charged: false, requestId });
  }
  const Kind = isRefusal(error.code) ? JobRefused : JobFailed;
  return new Kind(error.message, error.code, jobId, job, { ...error, requestId });
}

/** The problem details, or what can be told of a response without them, such as a proxy's. */
export async function problemIn(response: Response): Promise<Problem> {
  const { status } = response;
  try {
    const content = (await response.json()) as Problem;
    if (typeof content.code === "string" && typeof content.detail === "string") return { ...content, status };
  } catch {
    // No JSON: described below.
  }
  return {
    type: "about:blank", title: response.statusText, status, code: "http_error",
    detail: `HTTP status ${status} without problem details.`,
    retryable: [408, 429, 502, 503, 504].includes(status),
  };
}
