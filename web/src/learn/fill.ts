/** Texts with numbers to be filled in: `{from.nmse}` is the middle over the seeds of what ran. */

import { number } from "../numbers.ts";
import { type Row, valueOf } from "./evaluate.ts";

/** Fill a text from the runs of each place, and from values the reader's browser measured. */
export function filled(text: string, runs: Readonly<Record<string, readonly Row[]>>, measured?: readonly number[]): string {
  return text.replaceAll(/\{([a-z]+)\.([\w:]+)\}/g, (whole, place: string, metric: string) => {
    if (place === "ratio") return number(middle(runs["from"], metric) / middle(runs["to"], metric));
    if (metric === "recovered" && measured?.length) return number(measured[0]);
    return place in runs ? number(middle(runs[place], metric)) : whole;
  });
}

/** Return what a puzzle asks, with its thresholds. */
export function filledPuzzle({ ask, conditions }: { ask: string; conditions: readonly { value: number }[] }): string {
  return ask.replaceAll(/\{(\d+)\}/g, (whole, i: string) => (conditions[Number(i)] ? number(conditions[Number(i)]!.value) : whole));
}

/** Return the middle of a metric over runs. */
export function middle(of: readonly Row[] | undefined, metric: string): number {
  const name = metric === "k" ? "setting" : metric;
  const sorted = (of ?? []).map((run) => valueOf(run, name)).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
