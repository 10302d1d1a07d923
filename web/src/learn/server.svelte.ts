/** The server the page came from, if it is one that can run things; asked for once. */

import type { components } from "../schema.d.ts";

type Schemas = components["schemas"];
export type Served = Schemas["Served"];

const OFTEN = 700;

let served: Served | null = $state.raw(null);

/** Return what the server can do, or null where there is none. */
export function server(): Served | null {
  return served;
}

/** Ask once whether there is a server. */
export async function probe(): Promise<void> {
  if (!location.protocol.startsWith("http") || isStatic()) return;
  served = await asked<Served>("status");
}

/** Have a witness run, and wait until it has. */
export async function runWitness(id: string): Promise<Schemas["WitnessState"] | string> {
  const begun = await told<Schemas["Running"]>(`witness/${encodeURIComponent(id)}/run`);
  if (typeof begun === "string") return begun;
  for (;;) {
    await new Promise((done) => setTimeout(done, OFTEN));
    served = await asked<Served>("status");
    const now = served?.running;
    if (!now || now.id !== id) return "the server runs something else now";
    if (now.state === "done") return now.witness ?? "the witness said nothing";
  }
}

/** Return what the server knows of the reader's own run, or why it knows nothing. */
export async function own(): Promise<Schemas["Own"] | string> {
  const answer = await fetch("/api/learn/own");
  const data: unknown = await answer.json();
  return answer.ok ? (data as Schemas["Own"]) : (data as { error: string }).error;
}

function isStatic(): boolean {
  return document.querySelector('meta[name="unmix"][content="static"], #unmix-data') !== null;
}

async function asked<T>(what: string): Promise<T | null> {
  const answer = await fetch(`/api/learn/${what}`);
  return answer.ok ? ((await answer.json()) as T) : null;
}

async function told<T>(what: string): Promise<T | string> {
  const answer = await fetch(`/api/learn/${what}`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  const data: unknown = await answer.json();
  return answer.ok ? (data as T) : (data as { error: string }).error;
}
