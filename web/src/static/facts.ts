/** What is known of all latents, from the files of a static export: fetched once each. */

import type { Differences, Explanation, Note, Run } from "../types.ts";
import { type Facts, select } from "./query.ts";
import { names } from "./words.ts";

export type Texts = {
  /** Columns of texts, a value a latent. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** The token each latent fires on most. */
  readonly token: readonly string[];
  /** How often that token occurs. */
  readonly occurs: readonly number[];
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** Columns of a table where none are named. */
  readonly listed: readonly string[];
};

/** Columns of numbers that need more digits than float32 has. */
const exact: ReadonlySet<string> = new Set([
  "density", "density_low", "density_high", "first_row", "n_fired", "n_special", "n_massive",
]);

const fetched = new Map<string, Promise<unknown>>();

/** Return a file below `data/`, read as it should be; asked for again only if it failed. */
function file<T>(path: string, read: (response: Response) => Promise<T>): Promise<T> {
  const there = fetched.get(path) as Promise<T> | undefined;
  if (there) return there;
  const asked = fetch(`data/${path}`).then((response) => {
    if (!response.ok) throw new Error(`the file \`data/${path}\` of this page is not there`);
    return read(response);
  });
  asked.catch(() => fetched.delete(path));
  fetched.set(path, asked);
  return asked;
}

const json = <T>(path: string): Promise<T> => file(path, (found) => found.json() as Promise<T>);

export const run = (): Promise<Run> => json("run.json");
export const texts = (): Promise<Texts> => json("texts.json");
export const notes = (): Promise<readonly Note[]> => json("notes.json");
export const explanations = (): Promise<Record<string, Explanation[]>> => json("explanations.json");
export const differences = (): Promise<readonly Differences[]> => json("differences.json");

/** Return the bytes of a column, as the server sends them. */
export const column = (name: string): Promise<ArrayBuffer> =>
  file(`column/${name}`, (found) => found.arrayBuffer());

/** Return a column of numbers with all its digits. */
export async function numbers(name: string): Promise<Float32Array | Float64Array> {
  if (!exact.has(name)) return new Float32Array(await column(name));
  return new Float64Array(await file(`exact/${name}`, (found) => found.arrayBuffer()));
}

/** Return the latents that satisfy a query, ascending. */
export async function selected(where: string): Promise<Int32Array> {
  const about = await run();
  const words = await texts();
  const wanted = names(where).filter((name) => isNumber(about, name));
  const found = await Promise.all(wanted.map(numbers));
  const columns: Record<string, Float32Array | Float64Array> = {};
  wanted.forEach((name, i) => {
    columns[name] = found[i] ?? new Float32Array();
  });
  const facts: Facts = {
    n: about.n_latents,
    column: (name) => columns[name] ?? words.columns[name],
    tagged: (tag) =>
      Object.entries(words.tags)
        .filter(([, tags]) => tags.includes(tag))
        .map(([latent]) => Number(latent)),
  };
  return select(facts, where);
}

export function isNumber(about: Run, name: string): boolean {
  return about.columns.some((one) => one.name === name && one.is_number);
}
