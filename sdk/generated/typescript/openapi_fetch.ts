import createClient from "openapi-fetch";
import type { paths } from "../imagegen-api.js";

/** Generate a picture, read an error, list jobs and estimate a cost, with openapi-fetch and openapi-typescript. */
export async function tour(baseUrl: string, userId: string) {
  const client = createClient<paths>({ baseUrl });

  const { data: job, error: failure } = await client.POST("/api/images/generate", {
    body: { model: "flux-pro", inputs: { prompt: "A lighthouse" }, options: { output_format: "png" }, userId },
  });
  if (!job) throw new Error(failure.detail);

  const { error: refusal, response } = await client.POST("/api/images/generate", {
    body: { model: "flux-pro", inputs: { prompt: "A lighthouse" }, options: { num_images: 9 }, userId },
  });
  const { data: page } = await client.GET("/api/jobs", {
    params: { query: { userId, status: "completed", limit: 5 } },
  });
  const { data: estimate } = await client.POST("/api/images/estimate-cost", {
    body: { model: "flux-pro", options: { num_images: 10 } },
  });

  return {
    picture: [job.status, job.images[0]?.contentType, job.cost.totalCost],
    error: [response.status, refusal?.code, refusal?.errors?.[0]?.pointer],
    jobs: page?.jobs.map((listed) => listed.jobId === job.jobId),
    estimate: estimate?.totalCost,
  };
}
