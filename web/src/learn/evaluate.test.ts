import { expect, test } from "vitest";
import cases from "../../../tests/learn/cases.json";
import { type Measure, type Place, type Row, answer, change, isAt, locate, order } from "./evaluate.ts";

function row(setting: number, seed: number, nmse: number, more: object = {}): Row {
  return { id: `${setting}-${seed}`, world: "flat", kind: "topk", setting, seed, l0: setting, nmse, ...more } as Row;
}

const at = (setting: number) => ({ world: "flat", kind: "topk", setting });
const measure: Measure = { metrics: ["nmse"], from: at(4), to: at(8), min_effect: 0.01 };

/** Return a measure with what Python fills in where a case leaves it out. */
function whole(measure: object): Measure {
  const place = (one: object | undefined) => one && ({ world: "flat", kind: "topk", origin: "drawn", ...one } as Place);
  const { from, to, at, among = {}, ...rest } = measure as Record<string, object>;
  const named = Object.fromEntries(Object.entries(among).map(([name, one]) => [name, place(one as object)!]));
  return { min_effect: 0, ...rest, from: place(from), to: place(to), at: place(at), among: named } as unknown as Measure;
}

test.each(cases.change)("change: $name", ({ pairs, min_effect, expect: wanted }) => {
  expect(change(pairs.map((pair) => pair[0]!), pairs.map((pair) => pair[1]!), min_effect)).toBe(wanted);
});

test.each(cases.order)("order: $name", ({ values, min_effect, largest, expect: wanted }) => {
  expect(order(values as unknown as Record<string, number[]>, min_effect, largest)).toBe(wanted);
});

test.each(cases.locate)("locate: $name", ({ values, bins, expect: wanted }) => {
  expect(locate(values, bins)).toBe(wanted);
});

test.each(cases.answer)("answer: $name", ({ evaluator, measure, expect: wanted }) => {
  const records = [...cases.grid.runs, ...cases.grid.from_truth] as unknown as Row[];
  expect(answer({ evaluator, measure: whole(measure) }, records).option).toBe(wanted);
});

test("the other answer is right where the data are the other way round", () => {
  const records = [row(4, 0, 0.2), row(4, 1, 0.3), row(8, 0, 0.1), row(8, 1, 0.1)];
  const mutated = records.map((one) => ({ ...one, setting: one.setting === 4 ? 8 : 4 }));
  const question = { evaluator: "change", measure };
  expect(answer(question, records).option).toBe("falls");
  expect(answer(question, mutated).option).toBe("rises");
  expect(answer(question, []).option).toBe("no_clear_change");
});

test("a place by L0 is the nearest run of each seed, if it is near", () => {
  const records = [row(2, 0, 0.2, { l0: 3.6 }), row(3, 0, 0.1, { l0: 4.2 })];
  const place = { world: "flat", kind: "topk", l0: 4 };
  expect(isAt(place, { world: "flat", kind: "topk", setting: 3, seed: 0 }, records)).toBe(true);
  expect(isAt(place, { world: "flat", kind: "topk", setting: 2, seed: 0 }, records)).toBe(false);
  expect(isAt({ ...place, l0: 9 }, { world: "flat", kind: "topk", setting: 3, seed: 0 }, records)).toBe(false);
});
