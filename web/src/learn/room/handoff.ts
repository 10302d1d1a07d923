/** The text that takes a question elsewhere: made of the page's own numbers, the same each time. */

import { number } from "../../numbers.ts";
import type { Claim, Source, Thing } from "./things.ts";
import { CALLED } from "./things.ts";

/** A question about one thing, kept in this browser alone. */
export type Draft = {
  id: string;
  key: string;
  question: string;
  evidence: readonly string[];
  resolved: readonly string[];
  next: string;
  /** The page's state when it was written: a demo comes back as it was. */
  hash: string;
  edited: string;
};

/** A number on screen. */
export type Shown = { view: string; name: string; value: number; run: string };

export type Context = {
  thing: Thing;
  sources: readonly Source[];
  claims: readonly Claim[];
  shown: readonly Shown[];
  commit: string;
};

/** Return the numbers on screen, in the order of the page. */
export function onScreen(within: ParentNode): Shown[] {
  return [...within.querySelectorAll<HTMLElement>("[data-view] [data-readout][data-value]")].map((one) => ({
    view: one.closest<HTMLElement>("[data-view]")!.dataset.view ?? "",
    name: one.dataset.readout ?? "",
    value: Number(one.dataset.value),
    run: one.closest<HTMLElement>("[data-run-id]")?.dataset.runId ?? "",
  }));
}

/** Return the text for whoever is asked. */
export function handoff(draft: Draft, { thing, sources, claims, shown, commit }: Context): string {
  const cited = sources.filter((one) => thing.sources.includes(one.id));
  const claim = claims.find((one) => one.id === thing.key);
  const lines = [
    "I am working through a page on sparse autoencoders whose numbers all come from recorded runs.",
    "",
    `Object: ${CALLED[thing.kind]}: ${thing.title}`,
    `Key: ${thing.key}`,
    `Place on the page: #${thing.anchor}`,
    `Defined in: ${thing.defined}${commit ? ` at commit ${commit}` : ""}`,
    `What it says: ${thing.about}`,
    ...(claim ? [`Does not certify: ${claim.does_not.join("; ")}`] : []),
    ...(claim?.sources ?? []).map((one) => `${one.id} supports it with: ${one.supports} (${one.at})`),
    ...(draft.hash ? [`State of the page: ${draft.hash}`] : []),
    "",
    `Question: ${draft.question.trim() || "(not written yet)"}`,
    ...listed(
      "Numbers on screen",
      shown.map((one) => `${one.view}: ${one.name} ${number(one.value)}${one.run ? ` (run ${one.run})` : ""}`),
    ),
    ...listed(
      "Sources, and what each does not ground",
      cited.map((one) => `${one.id}: ${one.grounds} Not: ${one.does_not} ${one.url}`),
    ),
    ...listed("Evidence I have looked at", draft.evidence),
    ...listed("Evidence I have not looked at", thing.evidence.filter((key) => !draft.evidence.includes(key))),
    ...listed("It is resolved when", thing.resolves),
    ...listed("Already so", draft.resolved),
    ...(draft.next.trim() ? ["", `My next action: ${draft.next.trim()}`] : []),
    "",
    "Separate what is verified from what is assumed. Name the objects you speak of. Cite only the sources above.",
    "Say so if the evidence does not settle it. End with one next action.",
  ];
  return lines.join("\n");
}

function listed(title: string, items: readonly string[]): string[] {
  return items.length ? ["", `${title}:`, ...items.map((item) => `- ${item}`)] : [];
}
