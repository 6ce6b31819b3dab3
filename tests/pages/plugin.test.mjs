/** The scripts of /api-docs, with the Swagger UI that the service serves. `SWAGGER_UI` is its bundle. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterEach, test } from "node:test";

import { all, Root, text } from "./render.mjs";

const ASSETS = "../../src/imagegen/api/pages/assets";
const { imagegenPlugin, prepareRequest } = await import(`${ASSETS}/plugin.js`);
const { follow } = await import(`${ASSETS}/follow.js`);
const { typeName, withShortUnions } = await import(`${ASSETS}/document.js`);

globalThis.window ??= { location: { href: "http://localhost/" } };
const SwaggerUI = createRequire(import.meta.url)(process.env.SWAGGER_UI);
const DOCUMENT = JSON.parse(readFileSync(new URL("../../openapi.json", import.meta.url)));
const ID = "01M8232K259GS0AHXP5V3YPEE3";
const IMAGE = {
  url: "http://bucket/1.jpg?signature",
  permalink: `/api/images/${ID}/0`,
  key: "images/1.jpg",
  contentType: "image/jpeg",
  width: 1024,
  height: 768,
};
const OTHER = { ...IMAGE, url: "http://bucket/2.jpg" };
const JOB = {
  jobId: ID,
  status: "completed",
  images: [IMAGE, OTHER],
  model: "flux-pro",
  completedAt: "2026-11-22T16:57:50Z",
};
const QUEUED = { ...JOB, status: "queued", images: [], completedAt: null };
const network = globalThis.fetch;

afterEach(() => (globalThis.fetch = network));

/** What Swagger UI passes as an Immutable map. */
class Fields extends Map {
  constructor(fields) {
    super(Object.entries(fields));
  }
  getIn([first, ...rest]) {
    return rest.reduce((value, name) => value?.[name], this.get(first));
  }
  merge(fields) {
    return new Fields({ ...Object.fromEntries(this), ...fields });
  }
}

/** The rendered response to a request, as the plugin shows it, and what Swagger UI itself was given to show. */
function respond(
  { status = 200, body, url = "http://localhost/api/images/generate", headers = {}, id = "1", ...more },
  { root = new Root(), ...system } = {},
) {
  const given = [];
  const Original = ({ response }) => void given.push(response);
  const text = body && JSON.stringify(body);
  const response = new Fields({ status, text, headers: { "x-request-id": id }, ...more });
  const request = new Fields({ url, headers });
  const specSelectors = { mutatedRequestFor: () => undefined, requestFor: () => request };
  const Response = imagegenPlugin().wrapComponents.liveResponse(Original, { React: root.React, ...system });
  const render = () => root.render(Response, { path: "", method: "post", response, specSelectors });
  return { tree: render(), render, given, root };
}

const sources = (tree) => all(tree, "img").map(({ src }) => src);

/** Renders until images are shown. */
async function shown(render) {
  for (;;) {
    const found = sources(render());
    if (found.length > 0) return found;
    await new Promise(setImmediate);
  }
}

/** A service that answers every request with the next body. */
function serve(...bodies) {
  const requests = [];
  globalThis.fetch = async (url, { headers }) => {
    requests.push([url, headers]);
    return Response.json(bodies.shift());
  };
  return requests;
}

test("the response of generate shows its images, which open", () => {
  const { tree } = respond({ body: JOB });

  assert.deepEqual(sources(tree), [IMAGE.url, OTHER.url]);
  assert.deepEqual(
    all(tree, "a").map(({ href, target, rel }) => [href, target, rel]),
    [
      [IMAGE.url, "_blank", "noreferrer"],
      [OTHER.url, "_blank", "noreferrer"],
    ],
  );
  assert.equal(text(all(tree, "figcaption")[0].children[0]), "flux-pro · 1024 × 768 · image/jpeg");
});

test("an image that the browser cannot load names its host", () => {
  const { tree, render } = respond({ body: { ...JOB, images: [IMAGE] } });
  all(tree, "img")[0].onError();

  const again = render();
  assert.deepEqual(sources(again), []);
  assert.match(text(again), /cannot show the image from bucket\. .*S3_PRESIGN_ENDPOINT_URL/);
});

test("a page of the history and an upload show their images", () => {
  const failed = { ...JOB, images: [] };

  assert.deepEqual(sources(respond({ body: { jobs: [JOB, failed, JOB], nextCursor: null } }).tree), [
    IMAGE.url,
    OTHER.url,
    IMAGE.url,
    OTHER.url,
  ]);
  assert.deepEqual(sources(respond({ status: 201, body: IMAGE }).tree), [IMAGE.url]);
});

test("the sentence of a problem is shown first", () => {
  const { tree, given } = respond({ status: 400, body: { status: 400, detail: "inputs.prompt is required." } });

  assert.equal(text(tree), "inputs.prompt is required.");
  assert.equal(given.length, 1);
});

test("each response replaces what was said of the one before", () => {
  const { root } = respond({ status: 401, body: { detail: "An API key is required." } });
  const { tree } = respond({ status: 403, body: { detail: "This key may not act for user123." }, id: "2" }, { root });

  assert.equal(text(tree), "This key may not act for user123.");
});

test("other responses are shown as they are", () => {
  for (const body of [{ models: [{ name: "flux-pro" }] }, { batchId: ID, jobIds: [ID] }, [], "text", null, undefined]) {
    const { tree, given } = respond({ body });

    assert.equal(text(tree), "");
    assert.equal(given.length, 1);
  }
});

test("a job that has not ended is followed with the request's key", async () => {
  const requests = serve({ ...JOB, images: [IMAGE] });
  const { tree, render } = respond({ status: 202, body: QUEUED, headers: { Authorization: "Bearer ig_1" } });
  assert.match(text(tree), /is queued\. The images appear here\./);

  assert.deepEqual(await shown(render), [IMAGE.url]);
  assert.deepEqual(requests, [[`/api/jobs/${ID}?wait=30`, { Authorization: "Bearer ig_1" }]]);
});

test("a job that is followed and fails says why", async () => {
  serve({ ...JOB, status: "failed", images: [], error: { code: "input_gone", message: "The image is gone." } });
  const { render } = respond({ status: 202, body: QUEUED });
  while (/appear/.test(text(render()))) await new Promise(setImmediate);

  assert.equal(text(render()), `Job ${ID} has failed: The image is gone.`);
});

test("the images of a batch are shown when its jobs have ended", async () => {
  const batch = { batchId: ID, status: "running", counts: { total: 2, queued: 1, running: 0 } };
  const requests = serve({ ...batch, status: "ended" }, { jobs: [JOB], nextCursor: null });
  const { tree, render } = respond({ status: 202, body: batch });
  assert.equal(text(tree), `Batch ${ID}: 1 of 2 jobs have ended. The images appear here.`);

  assert.deepEqual(await shown(render), [IMAGE.url, OTHER.url]);
  assert.deepEqual(
    requests.map(([url]) => url),
    [`/api/batches/${ID}?wait=30`, `/api/jobs?batchId=${ID}&limit=100`],
  );
});

test("a problem ends following, and is shown", async () => {
  serve({ detail: "The job was deleted." });
  const { render } = respond({ status: 202, body: QUEUED });
  while (/appear/.test(text(render()))) await new Promise(setImmediate);

  assert.equal(text(render()), "The job was deleted.");
});

test("following a job ends with the response that is shown", async () => {
  const seen = [];
  const stop = new AbortController();
  const onBody = (job) => (seen.push(job.status), seen.length === 2 && stop.abort());
  const get = async () => Response.json(QUEUED);
  await follow({ path: `/api/jobs/${ID}` }, { headers: {}, onBody, signal: stop.signal, get, pause: 1 });
  assert.deepEqual(seen, ["queued", "queued"]);

  let signal;
  globalThis.fetch = (_, init) => new Promise(() => void ({ signal } = init));
  const { root } = respond({ status: 202, body: QUEUED });
  root.cleanups.forEach((cleanup) => cleanup());
  assert.ok(signal.aborted);
});

test("a link to an image is not followed, and shown as the redirect that it is", async () => {
  const url = `http://localhost/api/images/${ID}/1?download=false`;
  const requests = serve(JOB);
  assert.equal(prepareRequest({ url, headers: {} }).redirect, "manual");
  assert.equal(prepareRequest({ url: "http://localhost/api/images/models/flux-pro" }).redirect, undefined);

  const { given, render } = respond({ status: 0, error: true, url });
  assert.deepEqual(await shown(render), [OTHER.url]);
  assert.deepEqual([given[0].get("status"), given[0].get("error")], [302, false]);
  assert.equal(requests.length, 1);
});

test("a response without a status is an error, except for a redirect", () => {
  const { given } = respond({ status: 0, error: true, url: "http://localhost/api/jobs" });

  assert.equal(given[0].get("error"), true);
});

test("without a valid key, the dialog for keys is one click away", () => {
  const opened = [];
  const authActions = { showDefinitions: (definitions) => opened.push(definitions) };
  const { tree } = respond(
    { status: 401, body: { detail: "An API key is required." } },
    { authActions, authSelectors: { definitionsToAuthorize: () => "keys" } },
  );
  all(tree, "button")[0].onClick();

  assert.deepEqual(opened, ["keys"]);
});

test("a key that was entered with its scheme is sent once", () => {
  const sent = (Authorization) =>
    prepareRequest({ url: "/api/jobs", headers: { Authorization } }).headers.Authorization;

  assert.deepEqual([sent("Bearer Bearer ig_1"), sent("Bearer ig_1")], ["Bearer ig_1", "Bearer ig_1"]);
});

/** Renders described responses of one operation; the article is what Swagger UI itself shows. */
function described(...codes) {
  const root = new Root();
  const Original = ({ code }) => root.React.createElement("article", null, code);
  const Markdown = ({ source }) => root.React.createElement("p", null, source);
  const system = { React: root.React, getComponent: () => Markdown };
  const Folded = imagegenPlugin().wrapComponents.response(Original, system);
  const specPath = { butLast: () => [codes] };
  const specSelectors = { specJson: () => ({ getIn: ([found]) => new Set(found) }) };
  const response = new Fields({ description: "Wrong." });
  return (code) => root.render(Folded, { code, isDefault: code === "200", response, specPath, specSelectors });
}

test("all responses but the first success are folded", () => {
  const render = described("200", "202", "400");

  assert.equal(all(render("200"), "article").length, 1);
});

test("a folded response opens with a click", () => {
  const render = described("200", "400");
  const folded = render("400");
  assert.deepEqual([all(folded, "article").length, text(folded)], [0, "400▸Wrong."]);

  all(folded, "tr")[0].onClick();
  assert.equal(all(render("400"), "article").length, 1);
});

test("of a redirect and a success, the redirect is described", () => {
  const counts = ["200", "302", "404"].map((code) => all(described("200", "302", "404")(code), "article").length);

  assert.deepEqual(counts, [0, 1, 0]);
});

test("unions and lists have the names of their schemas", () => {
  const named = ["FluxProRequest", "FluxDevRequest"].map((name) => ({ $ref: `#/components/schemas/${name}` }));

  assert.equal(typeName({ oneOf: named }), "FluxProRequest | FluxDevRequest");
  assert.equal(typeName({ anyOf: [{ title: "JobFailure", type: "object" }, { type: "null" }] }), "JobFailure | null");
  assert.equal(typeName({ type: "array", items: { oneOf: named } }), "array<FluxProRequest | FluxDevRequest>");
  assert.equal(typeName({ type: "array", items: { type: "string" } }), "array<string>");
  assert.equal(typeName({ type: "object" }), undefined);
});

test("Swagger UI has every part that the plugin changes", () => {
  const { wrapComponents, components } = imagegenPlugin();
  assert.equal(typeof SwaggerUI({ dom_id: null }).specActions.updateJsonSpec, "function");
  const [plain, changed] = [[], [imagegenPlugin]].map((plugins) => SwaggerUI({ dom_id: null, plugins }));

  for (const name of [...Object.keys(wrapComponents), ...Object.keys(components)]) {
    assert.notEqual(plain.getComponent(name), null, name);
    assert.notEqual(changed.getComponent(name), plain.getComponent(name), name);
  }
});

test("only flux-pro is shown in full in a union of many models", () => {
  const models = ["Aura", "FluxPro", ...Array.from({ length: 11 }, (_, index) => `Model${index}`)];
  const branches = models.map((stem) => ({ $ref: `#/components/schemas/${stem}Request` }));
  const discriminator = { propertyName: "model", mapping: {} };
  const schemas = {
    GenerateRequest: { description: "A request.", oneOf: branches, discriminator },
    Short: { oneOf: branches.slice(0, 12), discriminator },
    AuraRequest: { type: "object" },
  };

  const { components } = withShortUnions({ components: { schemas } });

  const { oneOf, ...rest } = components.schemas.GenerateRequest;
  assert.deepEqual(rest, { description: "A request." });
  assert.deepEqual(oneOf.map(({ title }) => title).filter(Boolean), [
    "AuraRequest",
    ...models.slice(2).map((stem) => `${stem}Request`),
  ]);
  assert.deepEqual(oneOf[1], { $ref: "#/components/schemas/FluxProRequest" });
  assert.equal(typeName(components.schemas.GenerateRequest).split(" | ").length, models.length);
  assert.deepEqual([components.schemas.Short, components.schemas.AuraRequest], [schemas.Short, schemas.AuraRequest]);
});

test("the page shows the document with titles, and without a tag that has no operation", () => {
  const prepared = imagegenPlugin().statePlugins.spec.wrapActions.updateJsonSpec((document) => document)(DOCUMENT);

  assert.equal(prepared.components.schemas.FluxProRequest.title, "FluxProRequest");
  assert.equal(prepared.components.schemas.JobStatus.title, "JobStatus");
  assert.equal(prepared.components.schemas.SeedParameter.title, undefined);
  assert.ok(
    DOCUMENT.tags.some(({ name }) => name === "webhooks") && !prepared.tags.some(({ name }) => name === "webhooks"),
  );
  assert.deepEqual(prepared.paths, DOCUMENT.paths);
});

test("the page opens an operation that the document has", () => {
  const script = readFileSync(new URL(`${ASSETS}/api-docs.js`, import.meta.url), "utf8");
  const [, tag, id] = /FIRST = \["operations", "(\w+)", "(\w+)"\]/.exec(script);
  const found = Object.values(DOCUMENT.paths)
    .flatMap(Object.values)
    .find(({ operationId }) => operationId === id);

  assert.deepEqual(found.tags, [tag]);
});
