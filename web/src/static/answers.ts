/**
 * The answers of a static export: what the server would say to an address, from files.
 *
 * Whatever cannot be had from files is refused in a sentence.
 */

import type { Differences, How } from "../types.ts";
import * as facts from "./facts.ts";
import { examples, type ExamplesAsked, misses } from "./leaf.ts";
import { leaf } from "./packs.ts";
import { byDirection, byWords } from "./search.ts";
import { table } from "./table.ts";

type Asked = { readonly parameters?: Record<string, unknown>; readonly signal: AbortSignal };
type Answering = (given: Given, parts: readonly string[], signal: AbortSignal) => unknown;

const NOT_HERE = "this was not exported: run `unmix explore` to see it";

/** Return the object that the server would send. */
export async function json<T>(path: string, { parameters = {}, signal }: Asked): Promise<T> {
  const given = new Given(parameters);
  for (const [pattern, answer] of ANSWERS) {
    const found = pattern.exec(path);
    if (found) return (await answer(given, found.slice(1), signal)) as T;
  }
  throw new Error(NOT_HERE);
}

/** Return the bytes that the server would send. */
export async function bytes(path: string, { signal }: Asked): Promise<ArrayBuffer> {
  const [address = "", query = ""] = path.split("?", 2);
  const column = /^column\/(\w+)$/.exec(address)?.[1];
  if (column) return facts.column(column);
  if (address !== "select") throw new Error(NOT_HERE);
  const latents = await facts.selected(new URLSearchParams(query).get("where") ?? "");
  signal.throwIfAborted();
  return latents.buffer as ArrayBuffer;
}

/** Parameters of a question, read as what they should be. */
class Given {
  readonly #parameters: Record<string, unknown>;

  constructor(parameters: Record<string, unknown>) {
    this.#parameters = parameters;
  }

  text(name: string, otherwise = ""): string {
    const value = this.#parameters[name];
    return value === undefined || value === null ? otherwise : String(value);
  }

  number(name: string): number | null;
  number(name: string, otherwise: number): number;
  number(name: string, otherwise: number | null = null): number | null {
    const text = this.text(name);
    return text === "" ? otherwise : Number(text);
  }
}

const ANSWERS: readonly (readonly [RegExp, Answering])[] = [
  [/^run$/, () => facts.run()],
  [/^notes$/, () => facts.notes()],
  [/^live\/state$/, () => ({ state: "off", sentence: "a static page has no model to ask" })],
  [
    /^table$/,
    (given) =>
      table({
        where: given.text("where"),
        sort: given.text("sort", "density"),
        descending: given.text("descending", "true") === "true",
        offset: given.number("offset", 0),
        limit: given.number("limit", 100),
        columns: given.text("columns").split(",").map((name) => name.trim()).filter(Boolean),
      }),
  ],
  [/^latent\/(\d+)$/, async (_, [j], signal) => (await leaf(Number(j), signal)).latent],
  [
    /^latent\/(\d+)\/examples$/,
    async (given, [j], signal) => examples(await leaf(Number(j), signal), wish(given)),
  ],
  [
    /^latent\/(\d+)\/misses$/,
    async (given, [j], signal) => misses(await leaf(Number(j), signal), given.number("n", 20)),
  ],
  [/^search$/, (given) => byWords(given.text("q"), given.text("kind", "all"), given.number("limit", 50))],
  [
    /^search\/direction$/,
    async (given, _, signal) => {
      const { latent } = await leaf(given.number("latent", 0), signal);
      return byDirection(latent.by_direction, given.number("limit", 50));
    },
  ],
  [/^differences$/, (given) => differences(given.text("a"), given.text("b"), given.number("limit", 100))],
];

function wish(given: Given): ExamplesAsked {
  const key = given.text("slice_key");
  return {
    how: given.text("how", "top") as How,
    n: given.number("n", 20),
    low: given.number("low"),
    high: given.number("high"),
    token: given.number("token"),
    slice: key ? { key, value: given.text("slice_value") } : null,
  };
}

/** Return what differs between two slices; kept one way round, turned round where need be. */
async function differences(a: string, b: string, limit: number): Promise<Differences> {
  const kept = await facts.differences();
  const straight = kept.find((one) => one.a === a && one.b === b);
  const found = straight ?? kept.find((one) => one.a === b && one.b === a);
  if (!found) throw new Error(NOT_HERE);
  const rows = found.rows.slice(0, limit);
  if (straight) return { ...found, rows };
  return {
    ...found,
    a,
    b,
    n_a: found.n_b,
    n_b: found.n_a,
    rows: rows.map((row) => ({
      ...row,
      density_a: row.density_b,
      density_b: row.density_a,
      log_ratio: -row.log_ratio,
    })),
  };
}
