/** Which latents are looked at: a query line, and an interval of each statistic that was brushed. */

import type { Query } from "../router.ts";

export type Interval = readonly [number, number];
export type Ranges = Readonly<Record<string, Interval>>;

const WORD = /^[a-z_][a-z0-9_]*$/;

/** Return the intervals that an address holds: `in=density:0.0001~0.01,largest:2~8`. */
export function rangesOf(query: Query): Ranges {
  const found: Record<string, Interval> = {};
  for (const part of (query.in ?? "").split(",")) {
    const [name = "", interval = ""] = part.split(":");
    const [low = NaN, high = NaN] = interval.split("~").map((text) => (text ? Number(text) : NaN));
    if (WORD.test(name) && Number.isFinite(low) && Number.isFinite(high)) found[name] = [low, high];
  }
  return found;
}

/** Return intervals as an address holds them; undefined if there are none. */
export function rangesText(ranges: Ranges): string | undefined {
  const parts = Object.entries(ranges).map(([name, [low, high]]) => `${name}:${short(low)}~${short(high)}`);
  return parts.join(",") || undefined;
}

/** Return a query line that asks for the same latents. */
export function whereOf(line: string, ranges: Ranges): string {
  const parts = Object.entries(ranges).map(([name, [low, high]]) => `${low} <= ${name} <= ${high}`);
  if (line.trim()) parts.unshift(parts.length ? `(${line.trim()})` : line.trim());
  return parts.join(" and ");
}

/**
 * Count for each latent how many conditions it fails, and remember the last one it fails: so that
 * a histogram can show what passes all conditions but its own.
 */
export function failures(
  n: number,
  asked: {
    ranges: readonly { values: ArrayLike<number>; interval: Interval }[];
    among: Int32Array | undefined;
  },
): { failed: Uint8Array; last: Uint8Array } {
  const failed = new Uint8Array(n);
  const last = new Uint8Array(n).fill(255);
  if (asked.among) {
    failed.fill(1);
    last.fill(254);
    for (const latent of asked.among) failed[latent] = 0;
  }
  asked.ranges.forEach(({ values, interval: [low, high] }, which) => {
    for (let i = 0; i < n; i++) {
      const value = values[i]!;
      if (value >= low && value <= high) continue;
      failed[i] = failed[i]! + 1;
      last[i] = which;
    }
  });
  return { failed, last };
}

/** Return a number with few digits, kept as an address needs it. */
function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
