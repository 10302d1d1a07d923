/** Query lines to begin with, at thresholds that fit the statistics there are. */

import type { ColumnInfo } from "../types.ts";

/** Return a few questions in words, each with its query line. */
export function suggested(columns: readonly ColumnInfo[]): { words: string; line: string }[] {
  const part = (name: string, share: number): string => {
    const high = columns.find((column) => column.name === name)?.high;
    return high ? String(Number((high * share).toPrecision(1))) : "0";
  };
  return [
    { words: "rare, with a word to say", line: `density < 1e-4 and logit_kurtosis > ${part("logit_kurtosis", 0.2)}` },
    { words: "told by a rule", line: "rule_f1 > 0.8" },
    { words: "telling, but no rule", line: `logit_kurtosis > ${part("logit_kurtosis", 0.3)} and not rule_f1 > 0.3` },
    { words: "on first tokens", line: "share_first > 0.5" },
    { words: "near doubles", line: `nearest_direction > ${part("nearest_direction", 0.7)}` },
  ];
}
