import { createClient, createConfig } from "../imagegen-client/client/index.js";
import { createBudget, deleteBudget, estimateCost, generateImage, listJobs } from "../imagegen-client/index.js";

/** Generate a picture, read an error, list jobs, estimate a cost and reach a budget, with the client of @hey-api/openapi-ts. */
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

  const { data: budget } = await createBudget({
    client,
    body: { name: "a cent", scope: { kind: "user", value: userId }, amount: 0.01 },
  });
  const { error: spent, response: withoutRoom } = await generateImage({
    client,
    body: { model: "flux-pro", inputs: { prompt: "A lighthouse" }, userId },
  });
  if (budget) await deleteBudget({ client, path: { budgetId: budget.id } });

  return {
    picture: [job.status, job.images[0]?.contentType, job.cost.totalCost],
    error: [response?.status, refusal?.code, refusal?.errors?.[0]?.pointer],
    jobs: page?.jobs.map((listed) => listed.jobId === job.jobId),
    estimate: estimate?.totalCost,
    budget: [withoutRoom?.status, spent?.code, spent?.budgets?.[0]?.id === budget?.id],
  };
}
