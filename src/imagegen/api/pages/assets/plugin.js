/** What imagegen adds to Swagger UI: images beside their responses, folded responses, and the names of schemas. */
import { typeName, withShortUnions, withTitles, withoutEmptyTags } from "./document.js";
import { jobOfImage } from "./images.js";
import { responseWithImages } from "./response-images.js";

const REDIRECT = "302";

const prepared = (document) => withoutEmptyTags(withTitles(withShortUnions(document)));

/** The plugin, as Swagger UI takes it. */
export const imagegenPlugin = () => ({
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: (update) => (document) => update(prepared(document)) } },
  },
  components: { ServersContainer: () => null }, // the page speaks with the service that serves it
  wrapComponents: {
    JSONSchema202012KeywordType: namedType,
    liveResponse: responseWithImages,
    response: foldedResponse,
  },
});

/**
 * Changes a request before it is sent. A link to an image is not followed, because a script may not read the bucket;
 * and a key that was entered with its scheme is accepted.
 */
export function prepareRequest(request) {
  if (jobOfImage(request.url)) request.redirect = "manual";
  const { Authorization: given } = request.headers ?? {};
  if (given) request.headers.Authorization = given.replace(/^Bearer\s+Bearer\s+/i, "Bearer ");
  return request;
}

/** The type of a schema, with the names of the schemas in a union or a list. */
function namedType(Original, { React }) {
  return ({ schema, isCircular }) => {
    const name = typeName(schema);
    if (!name || isCircular) return React.createElement(Original, { schema, isCircular });
    const className = "json-schema-2020-12__attribute json-schema-2020-12__attribute--primary imagegen-name";
    return React.createElement("strong", { className }, name);
  };
}

/** A described response: the usual one as it is, every other one in a line of its own, until it is opened. */
function foldedResponse(Original, { React, getComponent }) {
  const h = React.createElement;
  return (props) => {
    const [isOpen, setOpen] = React.useState(false);
    if (isUsual(props)) return h(Original, props);
    const Markdown = getComponent("Markdown", true);
    const toggle = () => setOpen(!isOpen);
    const label = `${isOpen ? "Fold" : "Unfold"} ${props.code}`;
    const button = h("button", { type: "button", "aria-expanded": isOpen, "aria-label": label }, isOpen ? "▾" : "▸");
    const row = h(
      "tr",
      { className: "response response-fold", "data-code": props.code, onClick: toggle },
      h("td", { className: "response-col_status" }, props.code),
      h(
        "td",
        { className: "response-col_description" },
        button,
        h(Markdown, { source: props.response.get("description") }),
      ),
    );
    const opened = isOpen && h(Original, { ...props, className: `${props.className ?? ""} response-unfolded` });
    return h(React.Fragment, null, row, opened);
  };
}

/** Whether this is the response that is described first: the redirect, if there is one, otherwise the first success. */
function isUsual({ code, isDefault, specPath, specSelectors }) {
  const described = specSelectors.specJson().getIn(specPath.butLast());
  return described?.has(REDIRECT) ? code === REDIRECT : isDefault;
}
