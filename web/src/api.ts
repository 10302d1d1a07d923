/**
 * The one module that fetches.
 *
 * Every function returns an `Answer`: a value, or a sentence that says what went wrong.  Where the
 * page is a static export, the answers come from files instead (`static/`).
 */

import * as files from "./static/answers.ts";
import type {
  Checked,
  Comparison,
  Differences,
  EffectOf,
  Examples,
  Generated,
  Hits,
  How,
  Intervention,
  Latent,
  LiveState,
  Match,
  Misses,
  Note,
  Reading,
  Run,
  Shortened,
  Table,
  TokenEffect,
  TwoReadings,
} from "./types.ts";

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string; readonly status: number };

/** A question that is asked when it is called, and can be given up. */
export type Question<T> = (signal: AbortSignal) => Promise<Answer<T>>;

type Parameter = string | number | boolean | null | undefined;
type Parameters = Record<string, Parameter>;

/** Whether the page lies on a plain file server. */
export const isStatic =
  typeof document !== "undefined" &&
  document.querySelector('meta[name="unmix"]')?.getAttribute("content") === "static";

export type TableQuery = {
  where?: string;
  sort?: string;
  descending?: boolean;
  offset?: number;
  limit?: number;
  columns?: string;
};

export type ExampleQuery = {
  how?: How;
  n?: number;
  seed?: number;
  low?: number;
  high?: number;
  token?: number;
  slice_key?: string;
  slice_value?: string;
  fold?: boolean;
  window?: number;
};

// ---------------------------------------------------------------- what is there

export const run = (): Question<Run> => get("run");
export const column = (name: string): Question<Float32Array> =>
  raw(`column/${encodeURIComponent(name)}`, (bytes) => new Float32Array(bytes));
export const table = (query: TableQuery): Question<Table> => get("table", query);
export const select = (where: string): Question<Int32Array> =>
  raw(address("select", { where }), (bytes) => new Int32Array(bytes));
export const latent = (j: number): Question<Latent> => get(`latent/${j}`);
export const examples = (j: number, query: ExampleQuery): Question<Examples> =>
  get(`latent/${j}/examples`, query);
export const misses = (j: number, n = 20): Question<Misses> => get(`latent/${j}/misses`, { n });

/** The address of a CSV file of the latents that satisfy a query, to link to; of all if static. */
export const csv = (query: TableQuery): string =>
  isStatic ? "data/latents.csv" : `api/${address("latents.csv", query)}`;
/** The address of all notes as JSONL, to link to. */
export const notesFile = isStatic ? "data/notes.jsonl" : "api/notes.jsonl";

// ---------------------------------------------------------------- search and comparison

export const search = (q: string, kind = "all", limit = 50): Question<Hits> =>
  get("search", { q, kind, limit });
export const alongDirection = (latent: number, limit = 50): Question<Hits> =>
  get("search/direction", { latent, limit });
export const differences = (a: string, b: string, limit = 100): Question<Differences> =>
  get("differences", { a, b, limit });
export const compare = (
  other: string,
  query: { kind?: string; offset?: number; limit?: number } = {},
): Question<Comparison> => get("compare", { other, ...query });
export const match = (j: number, other: string): Question<Match> => get(`compare/${j}`, { other });
/** Firings of latent `j` of the other dictionary. */
export const counterpartExamples = (
  j: number,
  other: string,
  query: { n?: number; window?: number } = {},
): Question<Examples> => get(`compare/${j}/examples`, { other, ...query });

// ---------------------------------------------------------------- notes

export const notes = (): Question<Note[]> => get("notes");
export const writeNote = (j: number, note: { text: string; tags: string[] }): Question<Note> =>
  send("PUT", `notes/${j}`, note);

// ---------------------------------------------------------------- with the model

export const liveState = (): Question<LiveState> => get("live/state");
export const read = (text: string): Question<Reading> => send("POST", "live/read", { text });
export const compareTexts = (a: string, b: string): Question<TwoReadings> =>
  send("POST", "live/compare", { a, b });
export const shorten = (
  asked: { text?: string; position?: number; token_index?: number; latent: number; keep?: number },
): Question<Shortened> => send("POST", "live/shorten", asked);
export const effect = (
  asked: { text: string; interventions: Intervention[]; strengths?: number[] },
): Question<EffectOf> => send("POST", "live/effect", asked);
export const generate = (asked: {
  text: string;
  interventions: Intervention[];
  tokens?: number;
  temperature?: number;
  seed?: number;
}): Question<Generated> => send("POST", "live/generate", asked);
export const ablate = (latent: number, positions: number[]): Question<TokenEffect[]> =>
  send("POST", "live/ablate", { latent, positions });
export const check = (latent: number, positions: number[]): Question<Checked[]> =>
  send("POST", "live/check", { latent, positions });

// ---------------------------------------------------------------- how it is asked

function address(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

function get<T>(path: string, parameters: Parameters = {}): Question<T> {
  if (isStatic) return (signal) => settled(() => files.json<T>(path, { parameters, signal }));
  const url = address(path, parameters);
  return (signal) => ask(url, { signal }, (response) => response.json() as Promise<T>);
}

function raw<T>(path: string, read: (bytes: ArrayBuffer) => T): Question<T> {
  if (isStatic) return (signal) => settled(async () => read(await files.bytes(path, { signal })));
  return (signal) => ask(path, { signal }, async (response) => read(await response.arrayBuffer()));
}

function send<T>(method: "POST" | "PUT", path: string, body: unknown): Question<T> {
  if (isStatic) {
    const error = "a static page can show what was saved, not ask the model or keep notes: run `unmix explore`";
    return () => Promise.resolve({ ok: false, error, status: 409 });
  }
  const headers = { "content-type": "application/json" };
  const request = { method, headers, body: JSON.stringify(body) };
  return (signal) => ask(path, { ...request, signal }, (r) => r.json() as Promise<T>);
}

async function ask<T>(
  path: string,
  request: RequestInit,
  read: (response: Response) => Promise<T>,
): Promise<Answer<T>> {
  try {
    const response = await fetch(`api/${path}`, request);
    if (response.ok) return { ok: true, value: await read(response) };
    return { ok: false, error: await sentence(response), status: response.status };
  } catch (reason) {
    if (reason instanceof DOMException && reason.name === "AbortError") return given_up;
    return { ok: false, error: "the server does not answer: is `unmix explore` still running?", status: 0 };
  }
}

async function settled<T>(read: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (reason) {
    if (reason instanceof DOMException && reason.name === "AbortError") return given_up;
    const error = reason instanceof Error ? reason.message : String(reason);
    return { ok: false, error, status: 404 };
  }
}

const given_up = { ok: false, error: "given up", status: -1 } as const;

/** Return what a refusal says, whatever form it has. */
async function sentence(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: string; detail?: unknown };
    if (typeof body.error === "string") return body.error;
    if (typeof body.detail === "string") return body.detail;
  } catch {
    // Not JSON: the status has to do.
  }
  return `the server refused (${response.status} ${response.statusText})`;
}
