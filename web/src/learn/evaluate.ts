/**
 * What the right answer to a question is, given the runs: three functions that always have one.
 *
 * A question says what is measured, and where; nobody writes down the answer.  Numbers come seed by
 * seed, and all seeds must agree by the effect declared with the question; else the answer is the
 * one that says so.  Python has the same three (`unmix.learn.evaluators`), tried on the same cases.
 */

/** A setting that was recorded: exactly one `setting`, or the `l0` to come nearest to. */
export type Place = {
  readonly world: string;
  readonly kind: string;
  readonly setting?: number | null;
  readonly l0?: number | null;
  readonly origin?: string;
};

export type Measure = {
  readonly metrics: readonly string[];
  readonly from?: Place | null;
  readonly to?: Place | null;
  readonly among?: Readonly<Record<string, Place>> | null;
  /** order: whether the largest is asked for; else the smallest. */
  readonly largest?: boolean;
  readonly at?: Place | null;
  /** locate: the first bin whose `upto` is not exceeded holds a value; null holds any. */
  readonly bins?: readonly { readonly option: string; readonly upto: number | null }[] | null;
  readonly min_effect: number;
};

export type Question = { readonly evaluator: string; readonly measure: Measure };

/** What is asked of a recorded run. */
export type Row = {
  readonly id: string;
  readonly world: string;
  readonly kind: string;
  readonly setting: number;
  readonly seed: number;
  readonly l0: number;
  readonly origin?: string;
  readonly read_time?: Readonly<Record<string, number>> | null;
};

/** An option, and the runs it rests on: by the name of the place, seed by seed. */
export type Answer = { option: string; runs: Record<string, Row[]> };

const FAR = 1; // features a token by which a run may miss the `l0` of a place
const UNCLEAR: Record<string, string> = { change: "no_clear_change", order: "tie", locate: "spread" };

/** Answer a question from all records: the grid's runs and those from the truth. */
export function answer({ evaluator, measure }: Question, records: readonly Row[]): Answer {
  const places = placesOf(measure);
  const found = Object.entries(places).map(([name, place]) => [name, bySeed(place, records)] as const);
  const seeds = [...(found[0]?.[1].keys() ?? [])].filter((seed) => found.every(([, of]) => of.has(seed))).sort((a, b) => a - b);
  const runs = Object.fromEntries(found.map(([name, of]) => [name, seeds.map((seed) => of.get(seed)!)]));
  const options = measure.metrics.map((metric) => {
    const rows = Object.entries(runs).map(([name, of]) => [name, of.map((run) => valueOf(run, metric))] as const);
    const values = Object.fromEntries(rows);
    const isKnown = seeds.length > 0 && rows.every(([, of]) => of.every(Number.isFinite));
    return isKnown ? decide(evaluator, measure, values) : UNCLEAR[evaluator]!;
  });
  const isOne = options.every((option) => option === options[0]);
  return { option: isOne ? (options[0] ?? UNCLEAR[evaluator]!) : "mixed", runs };
}

/** Say `falls` or `rises` if every seed does, by the effect that was declared. */
export function change(from: readonly number[], to: readonly number[], effect: number): string {
  if (from.length && from.every((value, i) => value - to[i]! >= effect)) return "falls";
  if (from.length && from.every((value, i) => to[i]! - value >= effect)) return "rises";
  return UNCLEAR["change"]!;
}

/** Name the option that is ahead of all others in every seed, by the effect that was declared. */
export function order(options: Readonly<Record<string, readonly number[]>>, effect: number, largest = true): string {
  const names = Object.keys(options);
  const n = options[names[0] ?? ""]?.length ?? 0;
  const first = Array.from({ length: n }, (_, seed) => {
    const sorted = names.map((name) => ({ name, value: (largest ? 1 : -1) * options[name]![seed]! })).sort((a, b) => b.value - a.value);
    const isAhead = sorted.length > 1 && sorted[0]!.value - sorted[1]!.value >= effect;
    return isAhead ? sorted[0]!.name : UNCLEAR["order"]!;
  });
  return n > 0 && first.every((name) => name === first[0]) ? first[0]! : UNCLEAR["order"]!;
}

/** Name the bin that holds the value of every seed. */
export function locate(values: readonly number[], bins: NonNullable<Measure["bins"]>): string {
  const found = values.map((value) => bins.find(({ upto }) => upto === null || value <= upto)?.option);
  return found[0] !== undefined && found.every((name) => name === found[0]) ? found[0] : UNCLEAR["locate"]!;
}

/** Say whether what is on screen is a place that a question asks for. */
export function isAt(place: Place, here: Omit<Row, "id" | "l0">, records: readonly Row[]): boolean {
  const run = bySeed(place, records).get(here.seed);
  return run !== undefined && run.world === here.world && run.kind === here.kind && run.setting === here.setting && originOf(run) === originOf(here);
}

/** Return the recorded run of each seed at a place. */
export function bySeed(place: Place, records: readonly Row[]): Map<number, Row> {
  const found = new Map<number, Row>();
  for (const run of records) {
    if (run.world !== place.world || run.kind !== place.kind || originOf(run) !== originOf(place)) continue;
    if (typeof place.l0 === "number") {
      const other = found.get(run.seed);
      const away = Math.abs(run.l0 - place.l0);
      if (away <= FAR && (!other || away < Math.abs(other.l0 - place.l0))) found.set(run.seed, run);
    } else if (run.setting === place.setting) found.set(run.seed, run);
  }
  return found;
}

function decide(evaluator: string, measure: Measure, values: Record<string, number[]>): string {
  if (evaluator === "change") return change(values["from"]!, values["to"]!, measure.min_effect);
  if (evaluator === "order") return order(values, measure.min_effect, measure.largest ?? true);
  return locate(values["at"]!, measure.bins ?? []);
}

function placesOf({ from, to, at, among }: Measure): Record<string, Place> {
  if (among && Object.keys(among).length) return among;
  if (at) return { at };
  return from && to ? { from, to } : {};
}

/** Return a number of a run; `best_read` is the budget it is best read with, `read:8` its error there. */
export function valueOf(run: Row, metric: string): number {
  if (metric.startsWith("read:")) return run.read_time?.[metric.slice(5)] ?? NaN;
  if (metric !== "best_read") return ((run as unknown as Record<string, number | null>)[metric] ?? NaN) as number;
  const read = Object.entries(run.read_time ?? {}).map(([k, error]) => ({ k: Number(k), error }));
  return read.sort((a, b) => a.error - b.error || a.k - b.k)[0]?.k ?? NaN;
}

function originOf(of: { readonly origin?: string }): string {
  return of.origin ?? "drawn";
}
