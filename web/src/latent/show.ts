/** Which examples of a latent are shown, as its address says. */

import type { ExampleQuery } from "../api.ts";
import type { Query } from "../router.ts";

export const SHOWS = ["top", "all", "range", "interval", "token", "misses"] as const;
export type Show = (typeof SHOWS)[number];

/** Return which examples an address asks for; the strongest if it says nothing. */
export function showOf(query: Query): Show {
  const found = SHOWS.find((show) => show === query.show);
  if (found === "interval" && !chosenInterval(query)) return "top";
  if (found === "token" && !/^\d+$/.test(query.token ?? "")) return "top";
  return found ?? "top";
}

/** Return the interval of acts that an address names, if it does. */
export function chosenInterval(query: Query): [number, number] | undefined {
  if (query.show !== "interval") return undefined;
  const low = Number(query.low ?? NaN);
  const high = Number(query.high ?? NaN);
  return Number.isFinite(low) && Number.isFinite(high) ? [low, high] : undefined;
}

/** Return what to ask the server for. */
export function exampleQuery(query: Query): ExampleQuery {
  const show = showOf(query);
  const asked: ExampleQuery = { seed: Number(query.seed ?? 0) || 0 };
  asked.how = show === "all" ? "document" : show === "misses" ? "top" : show;
  const interval = chosenInterval(query);
  if (interval) [asked.low, asked.high] = interval;
  if (show === "token") asked.token = Number(query.token);
  if (query.slice) {
    const at = query.slice.indexOf(":");
    asked.slice_key = query.slice.slice(0, at);
    asked.slice_value = query.slice.slice(at + 1);
  }
  if (query.fold === "no") asked.fold = false;
  if (query.context === "long") asked.window = 96;
  return asked;
}
