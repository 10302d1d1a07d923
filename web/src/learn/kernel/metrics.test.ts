import { expect, test } from "vitest";
import grid from "../../../../src/unmix/learn/recorded/grid.json";
import heldout from "../../../../src/unmix/learn/recorded/heldout.json";
import flat from "../../../../src/unmix/learn/recorded/heldout/flat.bin?url&inline";
import { type Heldout, look } from "./metrics.ts";
import { type Kind, read } from "./sae.ts";

const weights = import.meta.glob<string>("../../../../src/unmix/learn/recorded/weights/flat-*.bin", {
  query: "?url&inline",
  import: "default",
});

function numbers(url: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(url.split(",")[1]!), (c) => c.charCodeAt(0)).buffer);
}

function world(): Heldout {
  const { n, d, F, parents, offsets, features, values } = heldout.flat;
  const sizes = new Float64Array(n * F);
  for (let t = 0; t < n; t++) {
    for (let e = offsets[t]!; e < offsets[t + 1]!; e++) sizes[t * F + features[e]!] = values[e]!;
  }
  const data = numbers(flat);
  return { n, d, F, parents, sizes, x: data.subarray(0, n * d), directions: data.subarray(n * d) };
}

test.each(["topk", "relu", "gated", "jumprelu"])("the scores of a %s dictionary are those that Python recorded", async (kind) => {
  const held = world();
  const of = grid.runs.filter((one) => one.kind === kind && one.world === "flat" && one.weights);
  const run = of.sort((a, b) => Math.abs(a.l0 - 4) - Math.abs(b.l0 - 4))[0]!;
  const name = Object.keys(weights).find((file) => file.endsWith(run.weights!))!;
  const data = numbers(await weights[name]!());
  const m = 40;
  const { scores } = look(read(data, { kind: kind as Kind, d: held.d, m, k: kind === "topk" ? run.setting : m }), held);
  for (const [metric, value] of Object.entries(scores)) {
    const recorded = (run.heldout as unknown as Record<string, number | null>)[metric];
    if (recorded !== null && recorded !== undefined) expect(value, metric).toBeCloseTo(recorded, 4);
  }
});
