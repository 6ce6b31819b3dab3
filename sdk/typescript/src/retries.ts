/** When a request is sent again, and when a wait is over. */

import type { Problem } from "./types.js";

const AGAIN = [408, 425, 429, 502, 503, 504];

/** The pauses between the attempts of one call in milliseconds, up to a total time after the first loss. */
export class Retries {
  #until: number | undefined;
  #attempt = 0;

  constructor(private readonly total: number) {}

  /** Begin anew, once something has arrived. */
  reset(): void {
    this.#until = undefined;
    this.#attempt = 0;
  }

  /** How long to pause after an attempt without an answer; undefined if no time is left. */
  afterLoss(told?: number): number | undefined {
    this.#attempt += 1;
    this.#until ??= Date.now() + this.total;
    const longest = Math.min(8000, 250 * 2 ** Math.min(this.#attempt, 10));
    const pause = told ?? longest / 2 + (Math.random() * longest) / 2;
    return Date.now() + pause <= this.#until ? pause : undefined;
  }

  /** How long to pause after this answer; undefined if it is final. */
  after(response: Response, problem: Problem): number | undefined {
    const { status } = response;
    if (!AGAIN.includes(status) && !(status === 500 && problem.jobId === undefined && problem.retryable)) return undefined;
    const seconds = retryAfter(response);
    return this.afterLoss(seconds === undefined ? undefined : seconds * 1000);
  }
}

/** The header Retry-After in seconds: a number or a date. */
export function retryAfter(response: Response): number | undefined {
  const told = response.headers.get("retry-after") ?? "";
  if (/^\d+$/.test(told)) return Number(told);
  const at = Date.parse(told);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}

/** The end of a wait; without a timeout there is none. */
export class Deadline {
  readonly #at: number;

  constructor(timeout: number | undefined) {
    this.#at = timeout === undefined ? Infinity : Date.now() + timeout;
  }

  get left(): number {
    return Math.max(0, this.#at - Date.now());
  }

  /** Whether a stream, whose signs of life come every 15 seconds, would end too late. */
  get isNear(): boolean {
    return this.left < 20_000;
  }

  /** How long the service is to hold the next poll. */
  get pollSeconds(): number {
    return Math.ceil(Math.min(this.left / 1000, 30));
  }
}

/** Pause; an abort ends it. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
