/** Verification of webhooks: https://www.standardwebhooks.com. */

import { InvalidWebhook } from "./errors.js";
import type { WebhookEvent } from "./types.js";

/**
 * The event of a webhook that is signed with the secret, or with one of several.
 *
 * @param body the raw body, before anything parses it
 * @param headers of the request: a Headers object, or a record in any case
 * @param tolerance how many seconds the timestamp may differ from this machine's clock
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: Headers | Record<string, string | string[] | undefined>,
  secret: string | readonly string[],
  tolerance = 300,
): Promise<WebhookEvent> {
  const named = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const given = new Map(named.map(([name, value]) => [name.toLowerCase(), String(value)]));
  const [id, sentAt, signatures] = ["id", "timestamp", "signature"].map((name) => {
    const value = given.get(`webhook-${name}`);
    if (value === undefined) throw new InvalidWebhook(`The header webhook-${name} is missing.`);
    return value;
  }) as [string, string, string];
  if (!/^\d+$/.test(sentAt) || Math.abs(Date.now() / 1000 - Number(sentAt)) > tolerance) {
    throw new InvalidWebhook("The timestamp is too far from this machine's clock.");
  }
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const signed = new TextEncoder().encode(`${id}.${sentAt}.${text}`);
  const sent = signatures.split(" ").filter((each) => each.startsWith("v1,")).map((each) => decode(each.slice(3)));
  for (const one of typeof secret === "string" ? [secret] : secret) {
    const bytes = decode(one.replace(/^whsec_/, ""));
    if (bytes === undefined || bytes.length === 0) throw new InvalidWebhook("The secret is not whsec_ and base64.");
    const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of sent) {
      if (signature !== undefined && (await crypto.subtle.verify("HMAC", key, signature, signed))) return parse(text);
    }
  }
  throw new InvalidWebhook("No signature is made with this secret.");
}

function parse(text: string): WebhookEvent {
  try {
    return JSON.parse(text) as WebhookEvent;
  } catch {
    throw new InvalidWebhook("The body is not a webhook of imagegen.");
  }
}

function decode(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  } catch {
    return undefined;
  }
}
