/**
 * Latents found by words or by direction, from what was exported.
 *
 * Labels, notes and explanations are searched as the server does (`unmix.explorer.answers.search`).
 * Of a latent's tokens only the one it fires on most is known, and of directions the nearest few:
 * the server looks at all.
 */

import type { Hits, Neighbour } from "../types.ts";
import { explanations, notes, numbers, texts } from "./facts.ts";
import { containing } from "./query.ts";

type Hit = Hits["hits"][number];
type Found = { readonly latent: number; readonly why: string; readonly score: number };

/** Find latents by label, by token, by note or by explanation; the best reason is given. */
export async function byWords(q: string, kind: string, limit: number): Promise<Hits> {
  const words = q.trim();
  const best = new Map<number, Found>();
  if (words) {
    for (const part of Object.keys(KINDS)) {
      if (kind !== "all" && kind !== part) continue;
      for (const one of (await KINDS[part]?.(words)) ?? []) {
        if (one.score > (best.get(one.latent)?.score ?? -1)) best.set(one.latent, one);
      }
    }
  }
  const order = [...best.values()].sort((a, b) => b.score - a.score || a.latent - b.latent);
  return { total: order.length, hits: await described(order.slice(0, limit)) };
}

/** Return the nearest by direction that were exported, as hits. */
export async function byDirection(near: readonly Neighbour[], limit: number): Promise<Hits> {
  const found = near.map(({ latent, score }) => ({ latent, score, why: "its direction" }));
  return { total: found.length, hits: await described(found.slice(0, limit)) };
}

const KINDS: Readonly<Record<string, (words: string) => Promise<Found[]>>> = {
  label: byLabel,
  token: byToken,
  note: byNote,
  explanation: byExplanation,
};

async function byLabel(words: string): Promise<Found[]> {
  const pattern = containing(words);
  const f1 = await numbers("rule_f1");
  const labels = (await texts()).columns.label ?? [];
  return labels.flatMap((label, latent) =>
    pattern.test(label) ? [{ latent, why: "its label", score: f1[latent] || 0 }] : [],
  );
}

/** The score is the harmonic mean of two shares: of the token's places, and of the firings. */
async function byToken(words: string): Promise<Found[]> {
  const [share, fired] = await Promise.all([numbers("top_token_share"), numbers("n_fired")]);
  const { token, occurs } = await texts();
  return token.flatMap((shown, latent) => {
    if (!same(shown, words)) return [];
    const precision = share[latent] || 0;
    const recall = Math.min(1, (precision * (fired[latent] ?? 0)) / Math.max(occurs[latent] ?? 0, 1));
    const score = (2 * precision * recall) / Math.max(precision + recall, 1e-12);
    return [{ latent, why: `fires on ${(100 * recall).toFixed(0)}% of “${words}”`, score }];
  });
}

async function byNote(words: string): Promise<Found[]> {
  const plain = words.toLowerCase();
  return (await notes()).flatMap(({ latent, text, tags }) =>
    text.toLowerCase().includes(plain) || tags.some((tag) => same(tag, words))
      ? [{ latent, why: "a note", score: 1 }]
      : [],
  );
}

async function byExplanation(words: string): Promise<Found[]> {
  const plain = words.toLowerCase();
  return Object.entries(await explanations()).flatMap(([latent, some]) =>
    some.some(({ text }) => text.toLowerCase().includes(plain))
      ? [{ latent: Number(latent), why: "an explanation", score: 1 }]
      : [],
  );
}

function same(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase();
}

async function described(found: readonly Found[]): Promise<Hit[]> {
  const labels = (await texts()).columns.label ?? [];
  const density = await numbers("density");
  return found.map((one) => ({
    ...one,
    label: labels[one.latent] ?? "",
    density: density[one.latent] ?? 0,
  }));
}
