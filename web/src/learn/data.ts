/** Recorded files: from the page itself where they lie in it (a single file), else from beside it. */

type Inlined = Record<string, unknown>;

const read = new Map<string, Promise<unknown>>();
let inlined: Inlined | null | undefined;

/** Return a file of JSON, read once. */
export function load<T>(name: string): Promise<T> {
  return once(name, async () => inside()?.[name] ?? (await fetched(name)).json()) as Promise<T>;
}

/** Return a file of bytes, read once. */
export function bytes(name: string): Promise<ArrayBuffer> {
  return once(name, async () => {
    const text = inside()?.[name];
    return typeof text === "string" ? decoded(text) : (await fetched(name)).arrayBuffer();
  }) as Promise<ArrayBuffer>;
}

function once(name: string, make: () => Promise<unknown>): Promise<unknown> {
  const found = read.get(name) ?? make();
  read.set(name, found);
  return found;
}

function inside(): Inlined | null {
  if (import.meta.env.SSR) return null;
  if (inlined === undefined) {
    const text = document.getElementById("unmix-data")?.textContent;
    inlined = text ? (JSON.parse(text) as Inlined) : null;
  }
  return inlined;
}

async function fetched(name: string): Promise<Response> {
  if (import.meta.env.SSR) return new Promise(() => {}); // the page without JavaScript waits for nothing
  const answer = await fetch(`data/${name}`);
  if (!answer.ok) throw new Error(`${name} is not there: ${answer.status}`);
  return answer;
}

function decoded(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
}
