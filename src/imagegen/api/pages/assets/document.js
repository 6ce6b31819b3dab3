/** Prepares the OpenAPI document for the page: names of schemas where Swagger UI would show only "object" or "any". */

const REFERENCE = "#/components/schemas/";
const LONG = 12; // branches of a union
const PLAIN = ["string", "integer", "number", "boolean", "array"];

/**
 * The document with the name of each schema as its title: once Swagger UI has resolved a reference, it has no other.
 * A text, a number or a list is shown as what it is: its name is that of the members that share it.
 */
export function withTitles(document) {
  const schemas = document?.components?.schemas;
  if (!schemas) return document;
  const titled = Object.entries(schemas).map(([name, schema]) => [
    name,
    isPlain(schema) ? schema : { title: name, ...schema },
  ]);
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(titled) } };
}

/**
 * The document with short entries in place of most branches of long unions. Swagger UI resolves every branch of what
 * an opened operation takes: seconds, with many models. The schemas themselves are there, at the end of the page.
 */
export function withShortUnions(document) {
  const schemas = document?.components?.schemas;
  if (!schemas) return document;
  const shortened = Object.entries(schemas).map(([name, schema]) => [name, shortUnion(schema)]);
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(shortened) } };
}

function shortUnion(schema) {
  if (!(schema.oneOf?.length > LONG)) return schema;
  const { discriminator: _, oneOf: branches, ...rest } = schema;
  const first = branches.findIndex(({ $ref: target }) => target?.endsWith("/FluxProRequest"));
  const shown = Math.max(first, 0);
  return { ...rest, oneOf: branches.map((branch, index) => (index === shown ? branch : entryOf(branch))) };
}

function entryOf(branch) {
  const name = reference(branch);
  return { title: name, type: "object", description: `${name} is among the schemas at the end of this page.` };
}

/** The document without tags that no operation has: Swagger UI shows webhooks apart. */
export function withoutEmptyTags(document) {
  const operations = Object.values(document?.paths ?? {}).flatMap(Object.values);
  const used = new Set(operations.flatMap((operation) => operation.tags ?? []));
  return document?.tags ? { ...document, tags: document.tags.filter(({ name }) => used.has(name)) } : document;
}

/** The type of a union or a list, in the names of its schemas; undefined for any other schema. */
export function typeName(schema) {
  const branches = schema?.oneOf ?? schema?.anyOf;
  if (Array.isArray(branches)) return branches.map(nameOf).join(" | ");
  return schema?.type === "array" && schema.items ? `array<${nameOf(schema.items)}>` : undefined;
}

function nameOf(schema) {
  return schema.title ?? reference(schema) ?? typeName(schema) ?? plainType(schema);
}

function reference({ $ref: target }) {
  return target?.startsWith(REFERENCE) ? target.slice(REFERENCE.length) : undefined;
}

function isPlain({ type, enum: values }) {
  return PLAIN.includes(type) && !values;
}

function plainType({ type }) {
  return Array.isArray(type) ? type.join(" | ") : (type ?? "any");
}
