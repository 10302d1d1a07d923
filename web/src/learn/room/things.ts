/** Everything on the page that has an address, whatever file it comes from. */

import type { components } from "../../schema.d.ts";
import { load } from "../data.ts";

type Schemas = components["schemas"];
export type Thing = Schemas["Thing"];
export type Source = Schemas["Source"];
export type Claim = Schemas["Claim"];

export const KINDS = ["concept", "equation", "code", "demo", "claim", "source", "misconception"] as const;

/** What a person calls a kind. */
export const CALLED: Record<Thing["kind"], string> = {
  concept: "concept",
  equation: "equation",
  code: "code witness",
  demo: "demo",
  claim: "claim",
  source: "source",
  misconception: "misconception",
};

export type All = { things: readonly Thing[]; sources: readonly Source[]; claims: readonly Claim[] };

/** Return all things, and the sources and claims by themselves. */
export async function all(): Promise<All> {
  const [{ objects }, { claims }, { sources }] = await Promise.all([
    load<Schemas["Things"]>("objects.json"),
    load<Schemas["Claims"]>("claims.json"),
    load<Schemas["Sources"]>("sources.json"),
  ]);
  return { things: objects, sources, claims };
}
