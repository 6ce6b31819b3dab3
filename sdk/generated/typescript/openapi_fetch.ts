import createClient from "openapi-fetch";
import type { paths } from "../imagegen-api.js";

/** Generate a picture, read an error, list jobs, estimate a cost and reach a budget, with openapi-fetch and openapi-typescript. */
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

  const { data: budget } = await client.POST("/api/budgets", {
    body: { name: "a cent", scope: { kind: "user", value: userId }, amount: 0.01 },
  });
  if (!budget) throw new Error("there is no budget");
  const { error: spent, response: withoutRoom } = await client.POST("/api/images/generate", {
    body: { model: "flux-pro", inputs: { prompt: "A lighthouse" }, userId },
  });
  await client.DELETE("/api/budgets/{budgetId}", { params: { path: { budgetId: budget.id } } });

  return {
    picture: [job.status, job.images[0]?.contentType, job.cost.totalCost],
    error: [response.status, refusal?.code, refusal?.errors?.[0]?.pointer],
    jobs: page?.jobs.map((listed) => listed.jobId === job.jobId),
    estimate: estimate?.totalCost,
    budget: [withoutRoom.status, spent?.code, spent?.budgets?.[0]?.id === budget.id],
  };
}
