// Prints the endpoint types of @fal-ai/client as JSON, read with the TypeScript compiler's own parser: each endpoint's input
// and output as a subset of JSON Schema, and the types that they name. A comment gives only its default.
// `node extract.mjs package.json`: both packages are those of the folder of this file.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const load = createRequire(process.argv[2]);
const ts = load("typescript");
const path = load.resolve("@fal-ai/client").replace(/src\/index\.js$/, "src/types/endpoints.d.ts");
const source = ts.createSourceFile("endpoints.d.ts", readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
const K = ts.SyntaxKind;

function named(node) {
  const name = node.typeName.text;
  if (name === "Record") return { type: "object" };
  if (name === "Array" || name === "ReadonlyArray") return { type: "array", items: schema(node.typeArguments[0]) };
  return { ref: name };
}

function literal(node) {
  if (node.literal.kind === K.NullKeyword) return { type: "null" };
  if (node.literal.kind === K.TrueKeyword || node.literal.kind === K.FalseKeyword) return { type: "boolean" };
  return { enum: [JSON.parse(node.literal.getText())] };
}

function union(node) {
  // A file is given as a URL, a Blob or a File: only the URL is of interest.
  const isFile = node.types.some((part) => part.getText() === "Blob");
  const parts = node.types.filter((part) => !isFile || !["Blob", "File"].includes(part.getText())).map(schema);
  const values = parts.flatMap((part) => part.enum ?? []);
  const branches = [...(values.length ? [{ enum: values }] : []), ...parts.filter((part) => !part.enum)];
  if (isFile) for (const branch of branches) if (branch.type === "string") branch.format = "uri";
  return branches.length === 1 ? branches[0] : { anyOf: branches };
}

function object(members) {
  const properties = {};
  const required = [];
  for (const member of members) {
    if (member.kind !== K.PropertySignature) continue;
    const name = member.name.text;
    const found = defaultOf(member);
    properties[name] = { ...schema(member.type), ...(found === undefined ? {} : { default: found }) };
    if (!member.questionToken) required.push(name);
  }
  return { type: "object", properties, required };
}

function schema(node) {
  switch (node.kind) {
    case K.StringKeyword: return { type: "string" };
    case K.NumberKeyword: return { type: "number" };
    case K.BooleanKeyword: return { type: "boolean" };
    case K.VoidKeyword:
    case K.AnyKeyword:
    case K.UnknownKeyword: return {};
    case K.NullKeyword: return { type: "null" };
    case K.ObjectKeyword: return { type: "object" };
    case K.ArrayType: return { type: "array", items: schema(node.elementType) };
    case K.ParenthesizedType: return schema(node.type);
    case K.TypeLiteral: return object(node.members);
    case K.UnionType: return union(node);
    case K.IntersectionType: return { allOf: node.types.map(schema) };
    case K.LiteralType: return literal(node);
    case K.TypeReference: return named(node);
    case K.IndexedAccessType: return {};
    default: throw new Error(`no rule for ${K[node.kind]}: ${node.getText()}`);
  }
}

function defaultOf(member) {
  const text = (member.jsDoc ?? []).map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? "").join(" ");
  const found = /Default value: `([\s\S]*?)`(?:\s|$)/.exec(text);
  if (!found) return undefined;
  try {
    return JSON.parse(found[1]);
  } catch {
    return /^[\w:.-]+$/.test(found[1]) ? found[1] : undefined; // a preset without its quotation marks
  }
}

const version = JSON.parse(readFileSync(path.replace(/src\/types\/endpoints\.d\.ts$/, "package.json"), "utf8")).version;
const types = {};
const endpoints = {};
for (const statement of source.statements) {
  if (statement.kind !== K.TypeAliasDeclaration) continue;
  if (statement.name.text !== "EndpointTypeMap") {
    types[statement.name.text] = schema(statement.type);
    continue;
  }
  for (const member of statement.type.members) {
    const parts = Object.fromEntries(member.type.members.map((part) => [part.name.text, schema(part.type)]));
    endpoints[member.name.text] = parts;
  }
}
process.stdout.write(JSON.stringify({ version, endpoints, types }));
