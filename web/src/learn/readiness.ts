/** How far the practice loop has come, from what was done in which order; nobody's answer counts. */

import { answer } from "./evaluate.ts";
import { type Question, of, phase, puzzles, question, questions, records, tickOf, ticked } from "./progress.svelte.ts";

/** Questions of the first part (either will do), and of the third. */
export const P1: readonly string[] = ["p1-more", "p1-many"];
export const P3 = "p3-transfer";
/** Words that a sentence has at least. */
export const WORDS = 12;
export const RUBRIC = [
  "what one more feature buys where the budget is tight",
  "what the child's latent does for the parent",
  "that it was measured in this world, and where it may not hold",
] as const;

export type Readiness = { done: number; parts: readonly [boolean, boolean, boolean]; hints: number; wrong: Question[] };

/** Return what has been done. */
export function readiness(): Readiness {
  const parts = [
    P1.some((id) => isDone(id)),
    puzzles().length > 0 && puzzles().some(({ id }) => solved(id)),
    isDone(P3) && words(of(P3)?.why ?? "") >= WORDS && ticks().every(Boolean),
  ] as const;
  const ids = [...P1, P3, ...puzzles().map(({ id }) => id)];
  const hints = ids.reduce((sum, id) => sum + (of(id)?.hints ?? 0), 0);
  return { done: parts.filter(Boolean).length, parts, hints, wrong: surprises() };
}

/** Say whether a puzzle's state was found. */
export function solved(id: string): boolean {
  return of(id)?.isRevealed ?? false;
}

export function words(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}

/** Return which lines of the rubric a reader has ticked. */
export function ticks(): boolean[] {
  return RUBRIC.map((_, i) => ticked(P3, i));
}

export function tick(line: number): void {
  tickOf(P3, line);
}

/** Say whether a question was committed to, looked at and told; a skipped one was not. */
function isDone(id: string): boolean {
  return phase(id) === "revealed" && of(id)?.choice !== null;
}

/** Return the questions that were guessed otherwise than they came out. */
function surprises(): Question[] {
  const views = ["a", "b", "c1", "c2", "storyboard", "practice"];
  return views.flatMap(questions).filter(({ id }) => {
    const asked = question(id);
    return asked && isDone(id) && records().length > 0 && !asked.measure.is_readers && answer(asked, records()).option !== of(id)?.choice;
  });
}
