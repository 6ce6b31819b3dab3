import { createClient, createConfig } from "../imagegen-client/client/index.js";
import { estimateCost, generateImage, listJobs } from "../imagegen-client/index.js";

/** Generate a picture, read an error, list jobs and estimate a cost, with the client of @hey-api/openapi-ts. */
export async function tour(baseUrl: string, userId: string) {
  const client = createClient(createConfig({ baseUrl }));

  const { data: job, error: failure } = await generateImage({
    client,
    body: { model: "flux-pro", inputs: { prompt: "A lighthouse" }, options: { output_format: "png" }, userId },
  });
  if (!job) throw new Error(failure.detail);

  const { error: refusal, response } = await generateImage({
    client,
    body: { model: "flux-pro", inputs: { prompt: "A lighthouse" }, options: { num_images: 9 }, userId },
  });
  const { data: page } = await listJobs({ client, query: { userId, status: "completed", limit: 5 } });
  const { data: estimate } = await estimateCost({
    client,
    body: { model: "flux-pro", options: { num_images: 10 } },
  });

  return {
    picture: [job.status, job.images[0]?.contentType, job.cost.totalCost],
    error: [response?.status, refusal?.code, refusal?.errors?.[0]?.pointer],
    jobs: page?.jobs.map((listed) => listed.jobId === job.jobId),
    estimate: estimate?.totalCost,
  };
}
