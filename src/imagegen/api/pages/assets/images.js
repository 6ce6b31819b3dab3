/** Finds the images of a response. */

const IMAGE_PATH = /\/api\/images\/([0-9A-Z]{26})\/(\d+)(?:\?|$)/;

/** The job and the number of the image that a URL of this service leads to; null if it leads to none. */
export function jobOfImage(url) {
  const found = IMAGE_PATH.exec(url ?? "");
  return found && { jobId: found[1], number: Number(found[2]) };
}

/**
 * The images of a body: of a job, of a page of jobs, or an upload.
 * @param {unknown} value the body
 * @param {number} [number] the only image of the job that is wanted
 * @returns {{url: string, title: string, caption: string, width: ?number, height: ?number}[]}
 */
export function imagesIn(value, number) {
  if (isJob(value)) return ofJob(value).filter((_, index) => number === undefined || index === number);
  if (Array.isArray(value?.jobs)) return value.jobs.filter(isJob).flatMap(ofJob);
  return isUpload(value) ? [shown(value, "Upload")] : [];
}

/** Whether a body is a job. */
export function isJob(value) {
  return typeof value?.jobId === "string" && Array.isArray(value.images);
}

function isUpload(value) {
  return typeof value?.url === "string" && typeof value.key === "string" && typeof value.contentType === "string";
}

function ofJob(job) {
  return job.images.map((image, index) => shown(image, `Image ${index} of job ${job.jobId}`, job.model));
}

function shown({ url, width, height, contentType }, title, model) {
  const size = width && height ? `${width} × ${height}` : null;
  return { url, title, width, height, caption: [model, size, contentType].filter(Boolean).join(" · ") };
}
