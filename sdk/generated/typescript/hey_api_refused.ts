import type { GenerateRequest } from "../imagegen-client/index.js";

// Requests that are wrong for their model: the compiler refuses each line that says so, and no other.
const userId = "user123";
export const requests: GenerateRequest[] = [
  { model: "flux-pro", inputs: { prompt: "A lighthouse", seed: 7 }, userId },
  { model: "flux-prp", inputs: { prompt: "no such model" }, userId }, // refused
  { model: "flux-pro", inputs: { promt: "a misspelt input" }, userId }, // refused
  { model: "flux-pro", inputs: { seed: 7 }, userId }, // refused
  { model: "flux-pro", inputs: { prompt: "another model's input", strength: 0.5 }, userId }, // refused
  { model: "flux-pro", inputs: { prompt: "no such value" }, options: { output_format: "webp" }, userId }, // refused
  { model: "flux-pro", inputs: { prompt: "text for a number", seed: "7" }, userId }, // refused
  { model: "face-swap", inputs: { prompt: "a prompt for a swap of faces" }, userId }, // refused
  { model: "flux-pro", inputs: { prompt: "nobody's" } }, // refused
];
