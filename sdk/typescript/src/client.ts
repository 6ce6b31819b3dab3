/** The client: every verb of the service. */

import { Connection, content, pace, randomId, segment, type WaitOptions } from "./connection.js";
import { WaitTimeout } from "./errors.js";
import { type Models, modelOptions } from "./models.js";
import { Batch, FILES, Job } from "./resources.js";
import { Deadline } from "./retries.js";
import type {
  BatchData, Estimate, JobData, JobEvent, Json, ModelDetail, ModelList, ModelSummary, Upload, Usage,
} from "./types.js";

/** What every request takes beside the model's own parameters. */
export interface ItemOptions {
  /** After how many seconds the images are not wanted any more. */
  deadline?: number;
  /** Where the service sends the job once it has ended. */
  webhookUrl?: string;
}

/** What a call that generates takes. */
export interface CallOptions extends ItemOptions {
  /** The user of the images, unless the client has one. */
  user?: string;
  /** Your own name for the request; the client makes one if you do not. */
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
}

/** What a batch takes. */
export interface BatchOptions extends CallOptions {
  /** Accept as many of the first requests as budgets have room for; `refused` of the batch has the others. */
  partial?: boolean;
}

/** Any model's parameters, as they go over the wire. */
export interface ByName {
  inputs: Record<string, Json>;
  options?: Record<string, Json>;
}

export interface ClientOptions {
  /** None for a service without keys. */
  apiKey?: string;
  /** The user of all calls that do not name one. */
  user?: string;
  /** How many milliseconds a call is repeated while the service does not answer. */
  retryFor?: number;
  /** For proxies and tests. */
  fetch?: typeof fetch;
  /** The option names of another catalog's models, from `imagegen client types`. */
  modelOptions?: Record<string, readonly string[]>;
}

export interface JobFilter {
  userId?: string;
  status?: string;
  model?: string;
  batchId?: string;
  createdFrom?: Date;
  createdTo?: Date;
  pageSize?: number;
}

export interface ModelFilter {
  category?: string;
  tags?: readonly string[];
  /** US dollars: one image with a model's defaults costs at most this. */
  maxCost?: number;
  takesImages?: boolean;
  takesMask?: boolean;
  takesLoras?: boolean;
  sizes?: "pixels" | "ratios" | "none";
  /** Words of the name, endpoint, description, category or tags. */
  search?: string;
}

export type BatchItem<M> = { [N in keyof M]: { model: N } & M[N] & ItemOptions }[keyof M] | AnyItem;
export interface AnyItem extends ByName, ItemOptions {
  model: string;
}

type Params = Record<string, unknown>;
const OWN = ["inputs", "options", "deadline", "webhookUrl", "user", "idempotencyKey", "signal", "timeout", "onEvent", "model"];

/** A client of one service, typed for the models of the built-in catalog or of another one. */
export class Imagegen<M = Models> {
  readonly #connection: Connection;
  readonly #user: string | undefined;
  readonly #options: Map<string, readonly string[]>;

  /**
   * @param url of the service
   * @param options the API key, the user, and how long to retry
   */
  constructor(url = "http://localhost:5000", options: ClientOptions = {}) {
    const { apiKey, user, retryFor = 60_000 } = options;
    this.#connection = new Connection(url, apiKey, retryFor, options.fetch ?? globalThis.fetch.bind(globalThis));
    this.#user = user;
    this.#options = new Map(Object.entries(options.modelOptions ?? modelOptions));
  }

  /** The completed job. Throws a JobFailed if it ended without images. */
  run<N extends keyof M & string>(model: N, params: M[N] & CallOptions & { timeout?: number }): Promise<Job>;
  run(model: string, params: ByName & CallOptions & { timeout?: number }): Promise<Job>;
  run(model: string, params: object): Promise<Job> {
    return this.#run(model, { ...params });
  }

  /** As `run`, with each of the job's events on the way. */
  subscribe<N extends keyof M & string>(model: N, params: M[N] & CallOptions & Progress): Promise<Job>;
  subscribe(model: string, params: ByName & CallOptions & Progress): Promise<Job>;
  subscribe(model: string, params: object): Promise<Job> {
    return this.#run(model, { ...params });
  }

  /** The accepted job, without waiting for it. */
  submit<N extends keyof M & string>(model: N, params: M[N] & CallOptions): Promise<Job>;
  submit(model: string, params: ByName & CallOptions): Promise<Job>;
  submit(model: string, params: object): Promise<Job> {
    return this.#submit(model, { ...params });
  }

  /** What a call would be charged. Free; nothing is generated. */
  estimate<N extends keyof M & string>(model: N, params?: Partial<M[N]>): Promise<Estimate>;
  estimate(model: string, params: Partial<ByName>): Promise<Estimate>;
  async estimate(model: string, params: object = {}): Promise<Estimate> {
    const json = await this.#body(model, { ...params });
    return content(await this.#connection.send("POST", "/api/images/estimate-cost", { json }));
  }

  /**
   * Up to 1,000 requests at once; they are checked together, and none is waited for. Throws a BudgetExceeded if
   * budgets have no room for all of them, with `partial` if they have none for the first.
   */
  async batch(requests: readonly BatchItem<M>[], options: BatchOptions = {}): Promise<Batch> {
    const items = requests as readonly (Params & { model: string })[];
    const bodies = await Promise.all(items.map((item) => this.#body(item.model, item)));
    const partial = options.partial ? { partial: true } : {};
    const json = { requests: bodies, userId: this.#userOf(options.user), ...partial };
    return this.#batchOf(await this.#pay("/api/images/batch", options, json));
  }

  /** One job as it is now, with fresh links. */
  async job(id: string): Promise<Job> {
    return this.#jobOf(await this.#connection.send("GET", `/api/jobs/${segment(id)}`));
  }

  /** The history, newest first; pages are fetched as they are reached. */
  async *jobs(filter: JobFilter = {}): AsyncGenerator<Job> {
    const { createdFrom, createdTo, pageSize = 100, ...rest } = filter;
    const dates = { createdFrom: createdFrom?.toISOString(), createdTo: createdTo?.toISOString() };
    let cursor: string | undefined;
    do {
      const query = { ...rest, ...dates, limit: pageSize, cursor };
      const response = await this.#connection.send("GET", "/api/jobs", { query });
      const page = await content<{ jobs: JobData[]; nextCursor: string | null }>(response);
      for (const data of page.jobs) yield this.#wrap(data, requestId(response));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** The job once it has ended, however it ended. */
  async wait(job: string | Job, options: WaitOptions = {}): Promise<Job> {
    const id = idOf(job);
    for await (const event of this.#connection.events(id, new Deadline(options.timeout), options.signal)) {
      options.onEvent?.(event);
      if (event.job !== null) return this.#wrap(event.job, typeof job === "string" ? undefined : job.requestId);
    }
    return this.job(id);
  }

  /** What happens to a job, until it has ended; the last event has the `job`. */
  events(job: string | Job, options: WaitOptions = {}): AsyncGenerator<JobEvent> {
    const id = idOf(job);
    return this.#connection.events(id, new Deadline(options.timeout), options.signal);
  }

  /** Cancel a job that is queued; ask fal.ai to cancel one that it has, which may complete all the same. */
  async cancel(job: string | Job): Promise<Job> {
    return this.#jobOf(await this.#connection.send("POST", `/api/jobs/${idOf(job)}/cancel`));
  }

  /** A new job with the inputs and options of one that failed or was cancelled. It is not waited for. */
  async retry(job: string | Job, options: { idempotencyKey?: string } = {}): Promise<Job> {
    return this.#jobOf(await this.#pay(`/api/jobs/${idOf(job)}/retry`, options));
  }

  /** Remove an ended job's images and inputs. Its cost stays in the usage. */
  async delete(job: string | Job): Promise<void> {
    await this.#connection.send("DELETE", `/api/jobs/${idOf(job)}`, { goneAfterLoss: true });
  }

  /** One batch as it is now. */
  async getBatch(id: string): Promise<Batch> {
    return this.#batchOf(await this.#connection.send("GET", `/api/batches/${segment(id)}`));
  }

  /** Cancel every job of the batch that has not ended. */
  async cancelBatch(batch: string | Batch): Promise<Batch> {
    return this.#batchOf(await this.#connection.send("POST", `/api/batches/${idOf(batch)}/cancel`));
  }

  /** The batch once all its jobs have ended. */
  async waitBatch(batch: string | Batch, options: WaitOptions = {}): Promise<Batch> {
    const deadline = new Deadline(options.timeout);
    for (;;) {
      const asked = Date.now();
      const path = `/api/batches/${idOf(batch)}`;
      const now = await this.#batchOf(await this.#connection.longPoll(path, deadline, options.signal));
      if (now.ended) return now;
      if (deadline.left === 0) throw new WaitTimeout(now.batchId);
      await pace(asked, deadline, options.signal);
    }
  }

  /** What was charged from the day `from` up to, and without, the day `to` (YYYY-MM-DD). */
  async usage(
    query: { userId?: string; from?: string; to?: string; groupBy?: "model" | "day" | "month" | "user" } = {},
  ): Promise<Usage> {
    return content(await this.#connection.send("GET", "/api/usage", { query }));
  }

  /** Keep an image of a user's own; its `url` is for any parameter that takes an image. A path is not for browsers. */
  async upload(file: string | Blob | Uint8Array<ArrayBuffer>, options: { user?: string } = {}): Promise<Upload> {
    const form = new FormData();
    form.append("userId", this.#userOf(options.user));
    const data = typeof file === "string" ? await readFile(file) : file;
    form.append("file", data instanceof Blob ? data : new Blob([data]), "image");
    return content(await this.#connection.send("POST", "/api/uploads", { form, within: 120_000 }));
  }

  /** The models of the service that match everything that is given. */
  async models(filter: ModelFilter = {}): Promise<ModelSummary[]> {
    const { tags: tag, search: q, ...rest } = filter;
    const query = { ...rest, tag, q };
    return (await content<ModelList>(await this.#connection.send("GET", "/api/images/models", { query }))).models;
  }

  /** One model, with the JSON Schemas of its inputs and options. */
  async model(name: string): Promise<ModelDetail> {
    return content(await this.#connection.send("GET", `/api/images/models/${name}`));
  }

  async #run(model: string, params: Params & WaitOptions): Promise<Job> {
    const deadline = new Deadline(params.timeout);
    const job = await this.#submit(model, params);
    const timeout = params.timeout === undefined ? undefined : deadline.left;
    return (await job.wait({ ...params, timeout })).orThrow();
  }

  async #submit(model: string, params: Params & CallOptions): Promise<Job> {
    const json = { ...(await this.#body(model, params)), userId: this.#userOf(params.user) };
    return this.#jobOf(await this.#pay("/api/images/generate", params, json));
  }

  /** Flat parameters are told apart by the names of the model's options; a model that is not known is asked for once. */
  async #body(model: string, params: Params): Promise<object> {
    const flat = Object.entries(params).filter(([name, value]) => !OWN.includes(name) && value !== undefined);
    let options = this.#options.get(model);
    if (options === undefined && flat.length > 0) {
      options = (await this.model(model)).options;
      this.#options.set(model, options);
    }
    const isOption = ([name]: [string, unknown]): boolean => options?.includes(name) ?? false;
    const { inputs, options: given, deadline, webhookUrl } = params as Partial<ByName> & ItemOptions;
    return {
      model,
      inputs: { ...inputs, ...Object.fromEntries(flat.filter((each) => !isOption(each))) },
      options: { ...given, ...Object.fromEntries(flat.filter(isOption)) },
      deadlineSeconds: deadline === undefined ? undefined : Math.ceil(deadline),
      webhookUrl,
    };
  }

  /** Send what is paid for: with one idempotency key, over all its repetitions. */
  #pay(path: string, options: CallOptions, json?: unknown): Promise<Response> {
    const headers = { "idempotency-key": options.idempotencyKey ?? randomId(), prefer: "respond-async" };
    return this.#connection.send("POST", path, { headers, json, signal: options.signal });
  }

  #userOf(user: string | undefined): string {
    const found = user ?? this.#user;
    if (found === undefined) throw new TypeError("A user is needed: of the call or of the client.");
    return found;
  }

  async #jobOf(response: Response): Promise<Job> {
    return this.#wrap(await content<JobData>(response), requestId(response));
  }

  #wrap(data: JobData, id: string | undefined): Job {
    return new Job(this, this.#connection, data, id);
  }

  async #batchOf(response: Response): Promise<Batch> {
    return new Batch(this, await content<BatchData>(response));
  }
}

/** How a call tells of its progress. */
export interface Progress {
  timeout?: number;
  onEvent: (event: JobEvent) => unknown;
}

function idOf(thing: string | Job | Batch): string {
  if (typeof thing === "string") return segment(thing);
  return thing instanceof Job ? thing.jobId : thing.batchId;
}

function requestId(response: Response): string | undefined {
  return response.headers.get("x-request-id") ?? undefined;
}

async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const fs = (await import(/* @vite-ignore */ FILES)) as { readFile(path: string): Promise<Uint8Array<ArrayBuffer>> };
  return fs.readFile(path);
}
