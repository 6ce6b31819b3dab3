/** Waits for the images of what a response leaves running: a job, or the jobs of a batch. */
import { isJob } from "./images.js";

const PAUSE = 1000; // milliseconds; the service answers at once if too many requests wait
const WAIT = 30; // seconds

/**
 * Where a body can be read until it has ended, and where its images are then, if they are elsewhere.
 * @returns {?{path: string, images: ?string}} null if no image can follow
 */
export function leftToRead(value) {
  if (isJob(value)) return isRunning(value) ? readJob(value) : null;
  const { batchId } = isBatch(value) ? value : {};
  return batchId ? { path: `/api/batches/${batchId}`, images: `/api/jobs?batchId=${batchId}&limit=100` } : null;
}

/** Where a job can be read. */
export function readJob({ jobId }) {
  return { path: `/api/jobs/${jobId}` };
}

/** Whether a body is a job or a batch that has not ended. */
export function isRunning(value) {
  return isJob(value) ? value.completedAt === null : isBatch(value) && value.status !== "ended";
}

/**
 * Reads until the end, then the images.
 * @param {{path: string, images: ?string}} place
 * @param {{headers: object, onBody: function(object): void, signal: AbortSignal}} how
 */
export async function follow({ path, images }, { headers, onBody, signal, get = fetch, pause = PAUSE }) {
  const read = async (url) => (await get(url, { headers, signal })).json();
  let body;
  do {
    if (body) await new Promise((resolve) => setTimeout(resolve, pause));
    if (signal.aborted) return;
    body = await read(`${path}?wait=${WAIT}`);
    onBody(body);
  } while (isRunning(body));
  if (images && isBatch(body)) onBody(await read(images));
}

function isBatch(value) {
  return typeof value?.batchId === "string" && typeof value.counts?.total === "number";
}
