// Generate a picture, read an error, list jobs, estimate a cost and reach a budget, with openapi-generator's typescript-fetch client.
import { BudgetsApi, Configuration, ImagesApi, JobsApi, ResponseError } from "../openapi-generator-typescript/index.js";

export async function tour(basePath: string, userId: string) {
  const configuration = new Configuration({ basePath });
  const images = new ImagesApi(configuration);
  const inputs = { prompt: "A lighthouse" };

  const job = await images.generateImage({
    generateRequest: { model: "flux-pro", inputs, options: { output_format: "png" }, userId },
  });

  const refusalOf = async (options: { num_images?: number }) => {
    const refusal = await images
      .generateImage({ generateRequest: { model: "flux-pro", inputs, options, userId } })
      .catch((error: unknown) => (error instanceof ResponseError ? error.response : Promise.reject(error)));
    if (!(refusal instanceof Response)) throw new Error("it should be refused");
    return { status: refusal.status, problem: await refusal.json() };
  };
  const { status, problem } = await refusalOf({ num_images: 9 });

  const page = await new JobsApi(configuration).listJobs({ userId, status: "completed", limit: 5 });

  const estimate = await images.estimateCost({ estimateRequest: { model: "flux-pro", options: { num_images: 10 } } });

  const budgets = new BudgetsApi(configuration);
  const budget = await budgets.createBudget({
    createBudgetRequest: { name: "a cent", scope: { kind: "user", value: userId }, amount: 0.01 },
  });
  const spent = await refusalOf({});
  await budgets.deleteBudget({ budgetId: budget.id });
  return {
    picture: [job.status, job.images[0]?.contentType, job.cost.totalCost],
    error: [status, problem.code, problem.errors[0].pointer],
    jobs: page.jobs.map((listed) => listed.jobId === job.jobId),
    estimate: estimate.totalCost,
    budget: [spent.status, spent.problem.code, spent.problem.budgets[0].id === budget.id],
  };
}
