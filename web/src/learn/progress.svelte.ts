/**
 * What a reader has committed to, seen and been told, kept in this browser alone (`learn:v1`).
 *
 * A question is open, then committed; once every place it asks for has been on screen it is observed,
 * and told: revealed.  Where there is no storage it lasts as long as the page.
 */

import type { components } from "../schema.d.ts";
import { load } from "./data.ts";
import { type Place, type Row, bySeed, isAt, valueOf } from "./evaluate.ts";
import { state as page } from "./state.svelte.ts";

type Schemas = components["schemas"];
export type Question = Schemas["Checks"]["checks"][number];
export type Puzzle = Schemas["Checks"]["puzzles"][number];
export type Phase = "open" | "committed" | "observed" | "revealed";
type View = "a" | "b" | "c1" | "c2" | "d";

/** What is kept of one question. */
type Kept = { choice: string | null; at: string; seen: string[]; isRevealed: boolean; hints: number; why: string; ticks?: number[]; values?: number[] };

const KEY = "learn:v1";
const kept: Record<string, Kept> = $state(stored());

let known: { checks: readonly Question[]; puzzles: readonly Puzzle[] } | undefined = $state.raw();
export const isReady: Promise<void> = load<Schemas["Checks"]>("checks.json").then(({ checks, puzzles }) => {
  known = { checks, puzzles };
});

let ran: readonly Row[] = $state.raw([]);
let coming: Promise<void> | undefined;

/** Return the questions of a view, in their order. */
export function questions(view: string): readonly Question[] {
  return known?.checks.filter((check) => check.view === view) ?? [];
}

/** Return a question. */
export function question(id: string): Question | undefined {
  return known?.checks.find((check) => check.id === id);
}

/** Return the puzzles. */
export function puzzles(): readonly Puzzle[] {
  return known?.puzzles ?? [];
}

/** Return all recorded runs, for the evaluators: none until they are here, which they are once they are asked for. */
export function records(): readonly Row[] {
  coming ??= load<Schemas["Grid"]>("grid.json").then((grid) => void (ran = [...grid.runs, ...grid.from_truth]));
  return ran;
}

/** Return what is kept of a question. */
export function of(id: string): Kept | undefined {
  return kept[id];
}

export function phase(id: string): Phase {
  const one = kept[id];
  if (!one?.at) return "open";
  if (one.isRevealed) return "revealed";
  const asked = question(id);
  return asked && missing(asked).length === 0 ? "observed" : "committed";
}

/** Return the question that a view is at: the first that is not revealed. */
export function current(view: string): Question | undefined {
  return questions(view).find((check) => phase(check.id) !== "revealed");
}

/** Say whether the controls of a view wait for a guess. */
export function isLocked(view: View): boolean {
  const at = current(view);
  return !page.sandbox && (known === undefined || (at !== undefined && phase(at.id) === "open"));
}

/** Say whether everything may be shown in a view. */
export function isRevealed(view: View): boolean {
  return page.sandbox || (known !== undefined && current(view) === undefined);
}

/** Commit to an option, which cannot be taken back; null is to skip, which tells at once. */
export function commit(id: string, choice: string | null): void {
  if (phase(id) !== "open") return;
  kept[id] = { ...blank(), ...kept[id], choice, at: new Date().toISOString(), isRevealed: choice === null };
  store();
}

/** Tell what came out. */
export function reveal(id: string): void {
  if (phase(id) !== "observed") return;
  kept[id]!.isRevealed = true;
  store();
}

/** Open the next hint. */
export function hint(id: string): void {
  kept[id] = { ...blank(), ...kept[id], hints: (kept[id]?.hints ?? 0) + 1 };
  store();
}

/** Keep a reader's sentence. */
export function say(id: string, why: string): void {
  kept[id] = { ...blank(), ...kept[id], why };
  store();
}

/** Say whether a reader ticked a line about their own sentence; `tickOf` turns it over. */
export function ticked(id: string, line: number): boolean {
  return kept[id]?.ticks?.includes(line) ?? false;
}

export function tickOf(id: string, line: number): void {
  const before = kept[id]?.ticks ?? [];
  kept[id] = { ...blank(), ...kept[id], ticks: before.includes(line) ? before.filter((one) => one !== line) : [...before, line] };
  store();
}

/** Note what is on screen: for questions that were committed to, and for puzzles. */
export function visited(view: string, here: Record<string, number | string>): void {
  const now = here as unknown as Row;
  if (records().length === 0) return; // whoever calls this in an effect comes again when they are here
  for (const asked of known?.checks ?? []) {
    const one = kept[asked.id];
    if (!one?.at || one.isRevealed || asked.measure.is_readers) continue;
    const seen = missing(asked).filter((name) => isAt(places(asked)[name]!, now, records()));
    if (seen.length) one.seen = [...one.seen, ...seen];
  }
  for (const puzzle of known?.puzzles ?? []) {
    if (puzzle.view !== view || of(puzzle.id)?.isRevealed || !isSolved(puzzle, now)) continue;
    kept[puzzle.id] = { ...blank(), ...kept[puzzle.id], at: new Date().toISOString(), isRevealed: true };
  }
  store();
}

/** Say whether the run on screen is what a puzzle asks for. */
function isSolved({ conditions }: Puzzle, here: Row): boolean {
  const run = bySeed(here, records()).get(here.seed);
  return (
    run !== undefined &&
    conditions.every(({ metric, sign, value }) => {
      const found = valueOf(run, metric);
      return sign === "<" ? found < value : found > value;
    })
  );
}

/** Note what the reader's own runs came to. */
export function measured(id: string, values: number[]): void {
  const one = kept[id];
  if (!one?.at) return;
  one.values = values;
  one.seen = ["at"];
  store();
}

/** Return the places of a question that have not been on screen. */
export function missing(asked: Question): string[] {
  const seen = kept[asked.id]?.seen ?? [];
  return Object.keys(places(asked)).filter((name) => !seen.includes(name));
}

/** Return the places that a question asks to be seen, by name. */
export function places({ measure, visit }: Question): Record<string, Place> {
  const found: Record<string, Place> = {};
  for (const name of visit) {
    if (name === "among") Object.assign(found, measure.among);
    else if (measure[name]) found[name] = measure[name];
  }
  return found;
}

/** Forget everything. */
export function erase(): void {
  for (const id of Object.keys(kept)) delete kept[id];
  store();
}

function blank(): Kept {
  return { choice: null, at: "", seen: [], isRevealed: false, hints: 0, why: "" };
}

function stored(): Record<string, Kept> {
  if (import.meta.env.SSR) return {};
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") as { checks?: Record<string, Kept> }).checks ?? {};
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return {};
    throw error;
  }
}

function store(): void {
  try {
    const before = JSON.parse(localStorage.getItem(KEY) ?? "{}") as object;
    localStorage.setItem(KEY, JSON.stringify({ ...before, checks: kept }));
  } catch (error) {
    if (!(error instanceof DOMException) && !(error instanceof SyntaxError)) throw error; // it lasts as long as the page
  }
}
