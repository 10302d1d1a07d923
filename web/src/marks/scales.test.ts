import { describe, expect, test } from "vitest";
import { axis, between, binned, fitting } from "./scales.ts";

const many = (value: (i: number) => number) => Float32Array.from({ length: 1000 }, (_, i) => value(i));

describe("the axis that fits", () => {
  test("is linear for what is spread evenly", () => {
    expect(fitting(many((i) => i / 1000)).kind).toBe("linear");
  });
  test("is logarithmic over orders of magnitude, and leaves zeros and what is no number aside", () => {
    const found = fitting(many((i) => (i < 10 ? [0, NaN][i % 2]! : 10 ** (-6 + i / 200))));
    expect(found.kind).toBe("log");
    expect(found.low).toBeGreaterThan(0);
    expect(found.to(0)).toBeNaN();
  });
  test("is logarithmic to both sides where a few lie far out", () => {
    expect(fitting(many((i) => (i === 5 ? 900 : i === 6 ? -50 : Math.sin(i)))).kind).toBe("symlog");
  });
  test("stands for nothing and for one value, too", () => {
    expect(fitting([]).to(0)).toBe(0);
    expect(fitting([3, 3, 3]).to(3)).toBe(0);
    expect(Number.isFinite(fitting([0, 0]).to(0))).toBe(true);
  });
});

test("places come back as values", () => {
  for (const kind of ["linear", "log", "symlog"] as const) {
    const on = axis(kind, 0.5, 200, 2);
    for (const value of [0.5, 3, 77, 200]) expect(on.from(on.to(value))).toBeCloseTo(value, 6);
    const part = between(on, 3, 77);
    expect([part.to(3), part.to(77)]).toEqual([0, 1]);
    expect(part.from(part.to(20))).toBeCloseTo(20, 6);
  }
});

test("bins hold their lower edge, the last its upper too, and no others", () => {
  expect([...binned([0, 0.99, 1, 4, 5, -1, NaN], axis("linear", 0, 4), 4)]).toEqual([0, 0, 1, 3, 4, 4, 4]);
});
