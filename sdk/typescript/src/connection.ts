/** HTTP with the service: one call over all its repetitions, and waits by events or long polls. */

import { ConnectionFailed, errorFrom, problemIn, UnexpectedResponse, WaitTimeout } from "./errors.js";
import { hasEnded } from "./resources.js";
import { Deadline, Retries, retryAfter, sleep } from "./retries.js";
import { messages } from "./sse.js";
import type { JobData, JobEvent } from "./types.js";

export interface WaitOptions {
  /** In milliseconds; without one it waits for as long as it takes. */
  timeout?: number | undefined;
  /** Called with each event of the job. */
  onEvent?: ((event: JobEvent) => unknown) | undefined;
  /** Ends the wait, not the job. */
  signal?: AbortSignal | undefined;
}

export interface Call {
  query?: Record<string, string | number | boolean | readonly string[] | undefined>;
  headers?: Record<string, string>;
  json?: unknown;
  form?: FormData;
  /** How many milliseconds the answer may take. */
  within?: number;
  signal?: AbortSignal | undefined;
  /** A wait that ends before the retries do. */
  deadline?: Deadline;
  /** Whether 410 means success if an answer was lost before. */
  goneAfterLoss?: boolean;
}

const READ = 30_000;
const TRANSFER = 120_000;
const SILENCE = 45_000;

export class Connection {
  readonly #url: string;
  readonly #authorization: string | undefined;
  readonly #retryFor: number;
  readonly #fetch: typeof fetch;

  constructor(url: string, apiKey: string | undefined, retryFor: number, send: typeof fetch) {
    if (!/^(https?:\/\/[^/]|\/|$)/i.test(url)) {
      throw new TypeError("The service's URL is wrong: it has to be one such as http://localhost:5000.");
    }
    this.#url = url.replace(/\/+$/, "");
    if (apiKey !== undefined && /[\x00-\x20\x7f]/.test(apiKey)) {
      throw new TypeError("The API key has a space or a control character in it.");
    }
    // As UTF-8: a header takes bytes, and whatever is wrong with a key, no message shows it.
    const bytes = apiKey ? new TextEncoder().encode(`Bearer ${apiKey}`) : undefined;
    this.#authorization = bytes && String.fromCharCode(...bytes);
    this.#retryFor = retryFor;
    this.#fetch = send;
  }

  /** Send a request that may be repeated, until it is answered for good. */
  async send(method: string, path: string, call: Call = {}): Promise<Response> {
    const retries = new Retries(this.#retryFor);
    const type = call.json === undefined ? {} : { "content-type": "application/json" };
    const headers = this.#headers({ ...call.headers, ...type });
    const body = call.json === undefined ? call.form : JSON.stringify(call.json);
    let lost = false;
    for (;;) {
      let pause: number | undefined;
      try {
        const response = await this.#attempt(method, path, headers, call, call.within ?? READ, body);
        if (response.status < 400 || (response.status === 410 && lost && call.goneAfterLoss)) return await whole(response);
        const problem = await problemIn(response);
        pause = retries.after(response, problem);
        if (pause === undefined) throw errorFrom(problem, retryAfter(response));
      } catch (error) {
        call.signal?.throwIfAborted();
        if (!isLoss(error)) throw error;
        lost = true;
        pause = isFinal(error) ? undefined : retries.afterLoss();
        if (pause === undefined) throw this.#lost(error, headers);
      }
      if (call.deadline && pause >= call.deadline.left) throw new WaitTimeout(path.split("/").at(-1) ?? path);
      await sleep(pause, call.signal);
    }
  }

  /** A file of the bucket, which is not sent the API key. */
  async download(link: string): Promise<Response> {
    const retries = new Retries(this.#retryFor);
    for (;;) {
      try {
        return await whole(await this.#fetch(link, { signal: AbortSignal.timeout(TRANSFER) }));
      } catch (error) {
        if (!isLoss(error)) throw error;
        const pause = retries.afterLoss();
        if (pause === undefined) throw new ConnectionFailed("The image cannot be read.");
        await sleep(pause);
      }
    }
  }

  /** A link of the service, which is a path of it if the service does not know its own address. */
  absolute(link: string): string {
    return link.startsWith("/") ? this.#url + link : link;
  }

  /** A job's events from a stream; from long polls if there is no stream, or little time. */
  async *events(jobId: string, deadline: Deadline, signal?: AbortSignal): AsyncGenerator<JobEvent> {
    const retries = new Retries(this.#retryFor);
    let last = "";
    while (!deadline.isNear) {
      const headers = this.#headers(last ? { "last-event-id": last } : {});
      let heard = false;
      let pause: number | undefined;
      try {
        const response = await this.#attempt("GET", `/api/jobs/${jobId}/events`, headers, { signal });
        if (response.status === 503 || response.status < 400 && (response.status !== 200 || response.body === null)) {
          await response.body?.cancel();
          break; // too many streams, no more events, or MongoDB is down: a poll can wait for all of them
        }
        if (response.status !== 200 || response.body === null) {
          const problem = await problemIn(response);
          pause = retries.after(response, problem);
          if (pause === undefined) throw errorFrom(problem, retryAfter(response));
        } else {
          for await (const message of messages(response.body, SILENCE)) {
            if (message !== undefined) {
              heard = true;
              last = message.id;
              retries.reset();
              const event = JSON.parse(message.data) as JobEvent;
              yield event;
              if (event.job !== null) return;
            }
            if (deadline.isNear) break;
          }
          if (!heard) break; // something between here and the service keeps the stream back
          pause = retries.afterLoss();
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (!isLoss(error)) throw error;
        pause = retries.afterLoss();
        if (pause === undefined) throw this.#lost(error, headers);
      }
      await sleep(Math.min(pause ?? 0, deadline.left), signal);
    }
    yield* this.#polled(jobId, deadline, signal);
  }

  async *#polled(jobId: string, deadline: Deadline, signal?: AbortSignal): AsyncGenerator<JobEvent> {
    let tag = "";
    for (;;) {
      const asked = Date.now();
      const response = await this.longPoll(`/api/jobs/${jobId}`, deadline, signal, tag);
      if (response.status === 200) {
        tag = response.headers.get("etag") ?? "";
        const job = await content<JobData>(response);
        yield eventOf(job, tag);
        if (hasEnded(job.status)) return;
      }
      if (deadline.left === 0) throw new WaitTimeout(jobId);
      await pace(asked, deadline, signal);
    }
  }

  /** One request that the service holds until there is something to tell. */
  longPoll(path: string, deadline: Deadline, signal?: AbortSignal, tag = ""): Promise<Response> {
    const wait = deadline.pollSeconds;
    const headers: Record<string, string> = tag ? { "if-none-match": tag } : {};
    return this.send("GET", path, { query: { wait }, headers, within: (wait + 15) * 1000, deadline, signal });
  }

  #attempt(
    method: string, path: string, headers: Record<string, string>, call: Call, within?: number, body?: FormData | string,
  ): Promise<Response> {
    const query = Object.entries(call.query ?? {}).flatMap(([name, value]) =>
      [value ?? []].flat().map((each) => [name, String(each)]),
    );
    const search = query.length ? `?${new URLSearchParams(query)}` : "";
    const signals = [call.signal, within === undefined ? undefined : AbortSignal.timeout(within)];
    const init: RequestInit = { method, headers, signal: AbortSignal.any(signals.filter((each) => each !== undefined)) };
    if (body !== undefined) init.body = body;
    return this.#fetch(`${this.#url}${path}${search}`, init);
  }

  #headers(more: Record<string, string> = {}): Record<string, string> {
    const named: Record<string, string> = { "x-request-id": randomId(), ...more };
    if (this.#authorization !== undefined) named["authorization"] = this.#authorization;
    new Headers(named); // throws for what cannot be sent, before anything is
    return named;
  }

  #lost(error: unknown, headers: Record<string, string>): ConnectionFailed {
    const { cause } = error as { cause?: { code?: string } };
    const url = this.#url.replace(/\/\/[^/@]*@/, "//");
    const text = `${url} does not answer: ${cause?.code ?? (error as Error).name}.`;
    return new ConnectionFailed(text, headers["x-request-id"], headers["idempotency-key"], !isFinal(error));
  }
}

/** Have at least a second between two polls: a service that is full does not hold them. */
export function pace(asked: number, deadline: Deadline, signal?: AbortSignal): Promise<void> {
  return sleep(Math.min(Math.max(0, asked + 1000 - Date.now()), deadline.left), signal);
}

/** The JSON object of an answer. */
export async function content<T>(response: Response): Promise<T> {
  const text = await response.text();
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found === "object" && found !== null && !Array.isArray(found)) return found as T;
  } catch {
    // Not JSON: told below.
  }
  throw new UnexpectedResponse("This does not answer as imagegen does: is the URL right?");
}

/** 32 random hexadecimal digits, also on pages that are not served by https. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
}

/** The response with its body read: an answer that breaks off is a lost one. */
async function whole(response: Response): Promise<Response> {
  if ([204, 304].includes(response.status) || response.body === null) return response;
  const { status, statusText, headers } = response;
  return new Response(await response.arrayBuffer(), { status, statusText, headers });
}

/** Whether there was no answer: fetch rejects with a TypeError, a timeout or an aborted body. */
function isLoss(error: unknown): boolean {
  return error instanceof Error && ["TypeError", "TimeoutError", "AbortError", "Silence", "Error"].includes(error.name);
}

/** Whether repeating cannot help: the address or the certificate is wrong. */
function isFinal(error: unknown): boolean {
  const code = (error as { cause?: { code?: string } }).cause?.code ?? "";
  return /^ERR_(INVALID_URL|SSL_WRONG_VERSION_NUMBER)$|CERT|^UNABLE_TO_/.test(code);
}

/** An id as a part of a path. An empty one would be the path of all. */
export function segment(id: string): string {
  if (id === "") throw new TypeError("The id is empty.");
  return encodeURIComponent(id);
}

function eventOf(job: JobData, tag: string): JobEvent {
  const version = Number(/-(\d+)"?$/.exec(tag)?.[1] ?? 0);
  const unknown = { stage: null, queuePosition: null, imagesStored: null, imagesTotal: null, logs: [] };
  const ended = hasEnded(job.status) ? job : null;
  return { ...unknown, jobId: job.jobId, version, status: job.status, waitingFor: job.waitingFor, job: ended };
}
