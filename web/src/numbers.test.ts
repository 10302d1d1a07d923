import { expect, test } from "vitest";
import { act, count, inUnit, number, percent, signed, some } from "./numbers.ts";

test("numbers carry the digits they have, and a true minus", () => {
  expect(number(0.12345)).toBe("0.123");
  expect(number(1234.6)).toBe("1,235");
  expect(number(-0.5)).toBe("−0.5");
  expect(number(0.00000123)).toBe("1.23e−6");
  expect(count(482816)).toBe("482,816");
  expect(signed(-3.94)).toBe("−3.9");
});

test("shares are percentages whose digits line up", () => {
  expect([0.0056, 0.09, 0.36, 1, 0, 0.995, 0.000079].map((share) => percent(share))).toEqual([
    "0.56 %", "9.0 %", "36 %", "100 %", "0 %", "99.5 %", "0.0079 %",
  ]);
});

test("what is not there is a dash", () => {
  for (const none of [null, undefined, NaN]) expect([number(none), percent(none), act(none)]).toEqual(["–", "–", "–"]);
});

test("each unit reads as it is said", () => {
  expect(inUnit(10.61, "act")).toBe("10.6");
  expect(inUnit(0.27, "")).toBe("0.270");
  expect(inUnit(0.301, "share")).toBe("30 %");
  expect(inUnit(1463, "tokens")).toBe("1,463");
  expect(inUnit(-0.289, "cosine")).toBe("−0.29");
  expect(some(1, "text")).toBe("1 text");
});
