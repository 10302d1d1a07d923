/** What was recorded, as the demos need it: runs, their weights, held-out tokens; each read once. */

import type { components } from "../../schema.d.ts";
import { bytes, load } from "../data.ts";
import { type Heldout, type Seen, look } from "../kernel/metrics.ts";
import { type Kind, type Sae, length, read } from "../kernel/sae.ts";

export type World = "flat" | "tree";

type Schemas = components["schemas"];

/** One recorded run. */
export type Run = Schemas["GridRun"];
/** What was recorded of training that begins at the truth, and one moment of it. */
export type Path = Schemas["Path"];
export type Snapshot = Schemas["Snapshot"];

/** A dictionary that was recorded, and what it makes of the held-out tokens, computed here. */
export type Opened = { run: Run; sae: Sae; world: Heldout; seen: Seen };

const LATENTS: Record<World, number> = { flat: 40, tree: 32 };

const once = new Map<string, Promise<unknown>>();

function kept<T>(name: string, make: () => Promise<T>): Promise<T> {
  const found = once.get(name) ?? make();
  once.set(name, found);
  return found as Promise<T>;
}

/** Return all recorded runs of a world that were drawn at the start. */
export async function runs(world: World): Promise<Run[]> {
  const grid = await kept("grid", () => load<Schemas["Grid"]>("grid.json"));
  return grid.runs.filter((run) => run.world === world);
}

/** Return the held-out tokens of a world. */
export function heldout(world: World): Promise<Heldout> {
  return kept(`heldout ${world}`, async () => {
    const [all, data] = await Promise.all([
      kept("heldout", () => load<Schemas["Heldout"]>("heldout.json")),
      bytes(`heldout/${world}.bin`),
    ]);
    const { n, d, F, parents, offsets, features, values } = all[world];
    const sizes = new Float64Array(n * F);
    for (let t = 0; t < n; t++) {
      for (let e = offsets[t]!; e < offsets[t + 1]!; e++) sizes[t * F + features[e]!] = values[e]!;
    }
    const x = new Float32Array(data, 0, n * d);
    return { n, d, F, x, directions: new Float32Array(data, 4 * n * d, F * d), sizes, parents };
  });
}

/** Open a run that has its weights: read them, and have held-out tokens rebuilt. */
export function open(run: Run, world: World = "flat"): Promise<Opened> {
  return kept(`run ${run.id}`, async () => {
    const [held, data] = await Promise.all([heldout(world), bytes(run.weights!)]);
    const k = run.kind === "topk" ? run.setting : LATENTS[world];
    const sae = read(new Float32Array(data), { kind: run.kind, d: held.d, m: LATENTS[world], k });
    return { run, sae, world: held, seen: look(sae, held) };
  });
}

/** Open runs one by one while the browser has nothing else to do, so that no slider waits for them. */
export async function warm(wanted: readonly Run[]): Promise<void> {
  const idle = globalThis.requestIdleCallback ?? ((done: () => void) => setTimeout(done, 50));
  for (const run of wanted) {
    if (!run.weights) continue;
    await new Promise<void>((done) => idle(() => done()));
    await open(run);
  }
}

/** Return what was recorded of training that begins at the truth. */
export function path(): Promise<Path> {
  return kept("path", () => load<Path>("path.json"));
}

/** Return the dictionaries along a path, one a snapshot. */
export function along(budget: number): Promise<Sae[]> {
  return kept(`along ${budget}`, async () => {
    const { budgets } = await path();
    const held = await heldout("tree");
    const numbers = halves(await bytes(budgets[budget]!.weights));
    const size = length("topk", held.d, LATENTS.tree);
    return budgets[budget]!.snapshots.map((_, i) =>
      read(numbers.subarray(i * size, (i + 1) * size), { kind: "topk", d: held.d, m: LATENTS.tree, k: budget }),
    );
  });
}

/** Return the numbers that 16 bits each stand for (IEEE 754 binary16, little endian). */
export function halves(data: ArrayBuffer): Float32Array {
  const view = new DataView(data);
  return Float32Array.from({ length: data.byteLength / 2 }, (_, i) => {
    const bits = view.getUint16(2 * i, true);
    const power = (bits >> 10) & 31;
    const rest = bits & 1023;
    const size = power === 0 ? rest * 2 ** -24 : (1 + rest / 1024) * 2 ** (power - 15);
    return bits & 0x8000 ? -size : size;
  });
}

/** Return the settings of a kind that were tried, ascending. */
export function settings(all: readonly Run[], kind: Kind): number[] {
  return [...new Set(all.filter((run) => run.kind === kind).map((run) => run.setting))].sort((a, b) => a - b);
}

/** Return the runs of one setting, by seed. */
export function seeds(all: readonly Run[], kind: Kind, setting: number): Run[] {
  return all.filter((run) => run.kind === kind && run.setting === setting).sort((a, b) => a.seed - b.seed);
}

/** Return the run whose weights can be opened. */
export function shown(all: readonly Run[], kind: Kind, setting: number): Run | undefined {
  return seeds(all, kind, setting).find((run) => run.weights);
}

/** Return the middle of numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
