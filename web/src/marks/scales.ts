/**
 * Scales that fit a statistic: linear, logarithmic where it runs over orders of magnitude, and
 * logarithmic to both sides of zero where a few values lie far from all others.
 */

export type Kind = "linear" | "log" | "symlog";

/** A statistic's own axis: from values to the unit interval and back. */
export type Axis = {
  readonly kind: Kind;
  readonly low: number;
  readonly high: number;
  /** Return where a value lies, from 0 to 1; NaN for what has no place on it. */
  readonly to: (value: number) => number;
  readonly from: (place: number) => number;
};

const SPREAD = 20; // ratio of 99th to 1st percentile below which a logarithm has nothing to say
const FAR = 12; // distance of the extremes, in interquartile ranges, from which two-sided logs do

/** Return the axis that fits values; what is not finite is left aside. */
export function fitting(values: ArrayLike<number>, kind?: Kind): Axis {
  const sorted = finite(values);
  if (sorted.length === 0) return axis("linear", 0, 1);
  const found = kind ?? kindOf(sorted);
  const used = found === "log" ? sorted.subarray(firstPositive(sorted)) : sorted;
  const low = used[0] ?? 1;
  const high = used[used.length - 1] ?? low;
  const unit = quantile(used, 0.75) - quantile(used, 0.25);
  return axis(found, low, high > low ? high : low + (Math.abs(low) || 1), unit || 1);
}

/** Return an axis over an interval. */
export function axis(kind: Kind, low: number, high: number, unit = 1): Axis {
  const bend = { linear: same, log: Math.log, symlog: (v: number) => Math.asinh(v / unit) }[kind];
  const back = { linear: same, log: Math.exp, symlog: (v: number) => Math.sinh(v) * unit }[kind];
  const start = bend(low);
  const reach = bend(high) - start;
  return {
    kind,
    low,
    high,
    to: (value) => (kind === "log" && value <= 0 ? NaN : (bend(value) - start) / reach),
    from: (place) => back(start + place * reach),
  };
}

/** Return the part of an axis between two of its values. */
export function between(whole: Axis, low: number, high: number): Axis {
  const start = whole.to(low);
  const reach = whole.to(high) - start;
  if (!(reach > 0)) return whole;
  return {
    ...whole,
    low,
    high,
    to: (value) => (whole.to(value) - start) / reach,
    from: (place) => whole.from(start + place * reach),
  };
}

/** Return for each value the bin it falls in, of `n` of equal width on the axis; `n` for none. */
export function binned(values: ArrayLike<number>, on: Axis, n: number): Uint8Array {
  const bins = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const place = on.to(values[i]!);
    bins[i] = place >= 0 && place <= 1 ? Math.min(n - 1, Math.floor(place * n)) : n;
  }
  return bins;
}

function kindOf(sorted: Float64Array): Kind {
  const at = (share: number) => quantile(sorted, share);
  const middle = at(0.75) - at(0.25);
  const positive = sorted.subarray(firstPositive(sorted));
  if (sorted[0]! >= 0 && positive.length > 0.5 * sorted.length && isSkew(positive)) return "log";
  const reach = Math.max(sorted[sorted.length - 1]! - at(0.75), at(0.25) - sorted[0]!);
  return middle > 0 && reach > FAR * middle ? "symlog" : "linear";
}

/** Say whether the median of positive values lies nearer the middle of a logarithmic axis. */
function isSkew(sorted: Float64Array): boolean {
  const [low, middle, high] = [0.01, 0.5, 0.99].map((share) => quantile(sorted, share)) as [number, number, number];
  const place = (middle - low) / (high - low);
  const logPlace = Math.log(middle / low) / Math.log(high / low);
  return high / low > SPREAD && Math.abs(logPlace - 0.5) < Math.abs(place - 0.5);
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.round(share * (sorted.length - 1))] ?? 0;
}

function finite(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values).filter(Number.isFinite).sort();
}

function firstPositive(sorted: Float64Array): number {
  const found = sorted.findIndex((value) => value > 0);
  return found < 0 ? sorted.length : found;
}

function same(value: number): number {
  return value;
}
