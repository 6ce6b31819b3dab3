/** Jobs, images and batches, with what can be done with them. */

import type { Connection, WaitOptions } from "./connection.js";
import { failureOf, UnexpectedResponse } from "./errors.js";
import type { BatchData, ImageData, JobData } from "./types.js";

/** What jobs and batches need of their client. */
export interface Owner {
  job(id: string): Promise<Job>;
  wait(job: Job, options?: WaitOptions): Promise<Job>;
  cancel(job: Job): Promise<Job>;
  retry(job: Job): Promise<Job>;
  jobs(filter: { batchId: string }): AsyncGenerator<Job>;
  waitBatch(batch: Batch, options?: WaitOptions): Promise<Batch>;
  cancelBatch(batch: Batch): Promise<Batch>;
}

export interface Image extends ImageData {}

/** An image, which can be read and saved for as long as its job exists. */
export class Image {
  readonly #owner: Owner;
  readonly #connection: Connection;
  readonly #jobId: string;

  constructor(owner: Owner, connection: Connection, jobId: string, data: ImageData) {
    Object.assign(this, data);
    this.link = connection.absolute(data.link ?? data.url);
    this.#owner = owner;
    this.#connection = connection;
    this.#jobId = jobId;
  }

  /** The bytes of the file, checked against `sha256`; the link is made anew if it has expired. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    let response = await this.#connection.download(this.url);
    if (!response.ok) {
      const fresh = (await this.#owner.job(this.#jobId)).images.find((image) => image.key === this.key);
      response = await this.#connection.download(fresh?.url ?? this.url);
    }
    if (!response.ok) throw new UnexpectedResponse(`The bucket answered with HTTP status ${response.status}.`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (globalThis.crypto?.subtle !== undefined) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const hex = [...digest].map((each) => each.toString(16).padStart(2, "0")).join("");
      if (hex !== this.sha256) throw new UnexpectedResponse("The bucket has other bytes than were stored.");
    }
    return bytes;
  }

  /** The file, for browsers. */
  async blob(): Promise<Blob> {
    return new Blob([await this.bytes()], { type: this.contentType });
  }

  /** Write the file; not in browsers. */
  async save(path: string): Promise<string> {
    const fs = (await import(/* @vite-ignore */ FILES)) as { writeFile(path: string, data: Uint8Array): Promise<void> };
    await fs.writeFile(path, await this.bytes());
    return path;
  }
}

/** A name in a variable, so that bundlers for browsers leave it alone. */
export const FILES: string = "node:fs/promises";

export interface Job extends Omit<JobData, "images"> {
  images: Image[];
}

/** A job as it was when the service answered. */
export class Job {
  readonly #owner: Owner;
  readonly #data: JobData;
  readonly #requestId: string | undefined;

  constructor(owner: Owner, connection: Connection, data: JobData, requestId: string | undefined) {
    Object.assign(this, data);
    this.#owner = owner;
    this.#data = data;
    this.#requestId = requestId;
    this.images = data.images.map((image) => new Image(owner, connection, data.jobId, image));
  }

  /** The id of the request that this job was answered to. */
  get requestId(): string | undefined {
    return this.#requestId;
  }

  /** Whether it has completed, failed, or was cancelled. */
  get ended(): boolean {
    return hasEnded(this.status);
  }

  /** The job itself, unless it failed or was cancelled. */
  orThrow(): this {
    if (this.status === "failed" || this.status === "cancelled") throw failureOf(this.#data, this.#requestId);
    return this;
  }

  /** The job as it is now, with fresh links. */
  refresh(): Promise<Job> {
    return this.#owner.job(this.jobId);
  }

  /** The job once it has ended, however it ended. */
  async wait(options: WaitOptions = {}): Promise<Job> {
    return this.ended ? this : this.#owner.wait(this, options);
  }

  /** Ask to cancel it. */
  cancel(): Promise<Job> {
    return this.#owner.cancel(this);
  }

  /** A new job with the same inputs and options. */
  retry(): Promise<Job> {
    return this.#owner.retry(this);
  }
}

/** Whether a job of this status is over. */
export function hasEnded(status: string): boolean {
  return ["completed", "failed", "cancelled"].includes(status);
}

export interface Batch extends BatchData {}

/** A batch as it was when the service answered. */
export class Batch {
  readonly #owner: Owner;

  constructor(owner: Owner, data: BatchData) {
    Object.assign(this, data);
    this.#owner = owner;
  }

  /** Whether all its jobs have ended. */
  get ended(): boolean {
    return this.status === "ended";
  }

  /** The batch once all its jobs have ended. */
  async wait(options: WaitOptions = {}): Promise<Batch> {
    return this.ended ? this : this.#owner.waitBatch(this, options);
  }

  /** Its jobs, newest first. */
  jobs(): AsyncGenerator<Job> {
    return this.#owner.jobs({ batchId: this.batchId });
  }

  /** Cancel every job that has not ended. */
  cancel(): Promise<Batch> {
    return this.#owner.cancelBatch(this);
  }
}
