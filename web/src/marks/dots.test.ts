import { expect, test } from "vitest";
import { channels, compose, nearest, stamp } from "./dots.ts";

const all = () => true;

test("dots cover pixels, crowds more, and none off the canvas or nowhere", () => {
  const layer = new Uint8ClampedArray(9 * 9);
  const x = Float32Array.of(4, 4, NaN, 100);
  const y = Float32Array.of(4, 4, 4, 4);
  stamp(layer, 9, { x, y, isIn: (i) => i === 0, radius: 1, opacity: 0.5 });
  const once = layer[4 * 9 + 4]!;
  stamp(layer, 9, { x, y, isIn: all, radius: 1, opacity: 0.5 });
  expect(once).toBeGreaterThan(100);
  expect(layer[4 * 9 + 4]!).toBeGreaterThan(once);
  expect(layer[0]).toBe(0);
});

test("layers lie over each other", () => {
  const pixels = new Uint8ClampedArray(8);
  const below = { layer: Uint8ClampedArray.of(255, 0), colour: [10, 20, 30] as const };
  const above = { layer: Uint8ClampedArray.of(255, 255), colour: [200, 100, 0] as const };
  compose(pixels, [below, above]);
  expect([...pixels]).toEqual([200, 100, 0, 255, 200, 100, 0, 255]);
  compose(pixels, [below]);
  expect([...pixels]).toEqual([10, 20, 30, 255, 0, 0, 0, 0]);
});

test("the nearest dot within reach is found", () => {
  const [x, y] = [Float32Array.of(0, 10, NaN), Float32Array.of(0, 0, 0)];
  expect(nearest(x, y, { left: 7, top: 1, reach: 5, isIn: all })).toBe(1);
  expect(nearest(x, y, { left: 5, top: 30, reach: 5, isIn: all })).toBe(-1);
  expect(nearest(x, y, { left: 7, top: 1, reach: 5, isIn: (i) => i !== 1 })).toBe(-1);
});

test("colours are read as the browser writes them", () => {
  expect(channels("rgb(217, 72, 15)")).toEqual([217, 72, 15]);
});
