/** Shows the images of a response above it, and what to do to get them. */
import { follow, isRunning, leftToRead, readJob } from "./follow.js";
import { imagesIn, isJob, jobOfImage } from "./images.js";

const UNAUTHORIZED = 401;
const REDIRECT = 302;

/** The response to a request: above it, its images, or what to do to get them. */
export function responseWithImages(Original, system) {
  const { React } = system;
  const h = React.createElement;
  const Images = imagesOfResponse(system);
  return (props) => {
    const { path, method, response, specSelectors } = props;
    const request = specSelectors.mutatedRequestFor(path, method) ?? specSelectors.requestFor(path, method);
    const shown = React.useMemo(
      () => (isRedirect(response, request) ? asRedirect(response) : response),
      [response, request],
    );
    const key = `${request.get("url")} ${response.getIn(["headers", "x-request-id"])}`;
    return h(
      React.Fragment,
      null,
      h(Images, { key, response: shown, request }),
      h(Original, { ...props, response: shown }),
    );
  };
}

/** Whether the browser was redirected, which it tells a script only as a failure without a status. */
function isRedirect(response, request) {
  return Boolean(response.get("error")) && !response.get("status") && jobOfImage(request.get("url")) !== null;
}

function asRedirect(response) {
  return response.merge({ status: REDIRECT, error: false, notDocumented: false });
}

function imagesOfResponse(system) {
  const { React } = system;
  const h = React.createElement;
  const Figure = imageFigure(React);
  return ({ response, request }) => {
    const [value, setValue] = React.useState(() => json(response));
    const [isSeen, setSeen] = React.useState(false);
    const section = React.useRef(null);
    React.useEffect(() => {
      const stop = new AbortController();
      const isImage = response.get("status") === REDIRECT;
      const place = isImage ? readJob(jobOfImage(request.get("url"))) : leftToRead(value);
      const how = { headers: authorization(request), onBody: setValue, signal: stop.signal };
      if (place) follow(place, how).catch(() => undefined); // without the network, what is known stays
      return () => stop.abort();
    }, []);
    const images = imagesIn(value, jobOfImage(request.get("url"))?.number);
    const note = noteOn(value);
    if (note) {
      const button = response.get("status") === UNAUTHORIZED && h(EnterKey, { React, system });
      return h(
        "p",
        { className: `imagegen-note ${value.detail ? "imagegen-problem" : ""}`, role: "status" },
        note,
        button,
      );
    }
    if (images.length === 0) return null;
    const onLoad = () => isSeen || (setSeen(true), section.current.scrollIntoView({ block: "nearest" }));
    const figures = images.map((image) => h(Figure, { key: image.url, image, isOne: images.length === 1, onLoad }));
    return h("section", { className: "imagegen-images", "aria-label": "Images", ref: section }, figures);
  };
}

/** What to say of a problem, and of a job or a batch without images; null of anything else. */
function noteOn(value) {
  if (typeof value?.detail === "string") return value.detail;
  if (isRunning(value)) return `${isJob(value) ? jobState(value) : batchState(value)}. The images appear here.`;
  return isJob(value) && value.error ? `Job ${value.jobId} has failed: ${value.error.message}` : null;
}

function jobState({ jobId, status }) {
  return `Job ${jobId} is ${status}`;
}

function batchState({ batchId, counts: { total, queued, running } }) {
  return `Batch ${batchId}: ${total - queued - running} of ${total} jobs have ended`;
}

function EnterKey({ React, system: { authActions, authSelectors } }) {
  const onClick = () => authActions.showDefinitions(authSelectors.definitionsToAuthorize());
  return React.createElement("button", { type: "button", className: "btn authorize", onClick }, "Enter a key");
}

function imageFigure(React) {
  const h = React.createElement;
  return ({ image, isOne, onLoad }) => {
    const [isBroken, setBroken] = React.useState(false);
    const { url, width, height, title, caption } = image;
    const size = width && height ? { width, height } : {};
    const onError = () => setBroken(true);
    const picture = h("img", { src: url, alt: title, loading: "lazy", ...size, onLoad, onError });
    const content = isBroken ? h("p", null, unreachable(url)) : picture;
    return h(
      "figure",
      { className: isOne ? "imagegen-one" : undefined },
      h("a", { href: url, target: "_blank", rel: "noreferrer", title: "Open the image" }, content),
      h("figcaption", null, caption),
    );
  };
}

function unreachable(url) {
  const { host } = new URL(url);
  return `Your browser cannot show the image from ${host}. Open it, or see S3_PRESIGN_ENDPOINT_URL in the settings.`;
}

function json(response) {
  const text = response.get("text");
  if (typeof text !== "string") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function authorization(request) {
  const key = request.getIn(["headers", "Authorization"]);
  return key ? { Authorization: key } : {};
}
