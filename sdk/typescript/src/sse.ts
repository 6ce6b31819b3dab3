/** Server-sent events of a response's body. */

export interface Message {
  id: string;
  data: string;
}

/** Each event, and undefined for each other sign of life. `idle` milliseconds of silence end the stream with an error. */
export async function* messages(body: ReadableStream<Uint8Array>, idle: number): AsyncGenerator<Message | undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let [text, id, data] = ["", "", ""];
  try {
    for (;;) {
      const { done, value } = await within(idle, reader.read());
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        const [, name, content] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
        if (name === "id") id = content ?? "";
        else if (name === "data") data += data === "" ? content : `\n${content}`;
        else if (line === "" && data !== "") {
          yield { id, data };
          data = "";
        }
      }
      yield undefined;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** The stream was silent for too long. */
export class Silence extends Error {}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Silence()), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
