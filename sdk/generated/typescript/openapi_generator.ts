// Generate a picture, read an error, list jobs and estimate a cost, with openapi-generator's typescript-fetch client.
import { Configuration, ImagesApi, JobsApi, ResponseError } from "../openapi-generator-typescript/index.js";

export async function tour(basePath: string, userId: string) {
  const configuration = new Configuration({ basePath });
  const images = new ImagesApi(configuration);
  const inputs = { prompt: "A lighthouse" };

  const job = await images.generateImage({
    generateRequest: { model: "flux-pro", inputs, options: { output_format: "png" }, userId },
  });

  const refusal = await images
    .generateImage({ generateRequest: { model: "flux-pro", inputs, options: { num_images: 9 }, userId } })
    .catch((error: unknown) => (error instanceof ResponseError ? error.response : Promise.reject(error)));
  if (!(refusal instanceof Response)) throw new Error("nine pictures are too many");
  const problem = await refusal.json();

  const page = await new JobsApi(configuration).listJobs({ userId, status: "completed", limit: 5 });

  const estimate = await images.estimateCost({ estimateRequest: { model: "flux-pro", options: { num_images: 10 } } });
  return {
    picture: [job.status, job.images[0]?.contentType, job.cost.totalCost],
    error: [refusal.status, problem.code, problem.errors[0].pointer],
    jobs: page.jobs.map((listed) => listed.jobId === job.jobId),
    estimate: estimate.totalCost,
  };
}
