/** Has plans carried out: by a worker, or, where a page may have none (a file), between two frames. */

import { type Grown, type Plan, grow } from "./alive.ts";

const SLICE = 8; // milliseconds of learning between two pauses, without a worker

let worker: Worker | null | undefined;
let asked = 0;
const waiting = new Map<number, { plan: Plan; done: (grown: Grown) => void }>();

/** Return a run to its end. */
export function run(plan: Plan): Promise<Grown> {
  if (worker === undefined) worker = begin();
  return new Promise((done) => {
    if (!worker) return void bySlices(plan).then(done);
    const id = asked++;
    waiting.set(id, { plan, done });
    worker.postMessage({ id, plan });
  });
}

function begin(): Worker | null {
  if (location.protocol === "file:") return null;
  const made = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  made.onmessage = ({ data }: MessageEvent<{ id: number; grown: Grown }>) => {
    waiting.get(data.id)?.done(data.grown);
    waiting.delete(data.id);
  };
  made.onerror = () => {
    worker = null; // not allowed, or not there: what was asked is done here
    for (const { plan, done } of waiting.values()) void bySlices(plan).then(done);
    waiting.clear();
  };
  return made;
}

async function bySlices(plan: Plan): Promise<Grown> {
  const going = grow(plan);
  for (;;) {
    const until = performance.now() + SLICE;
    while (performance.now() < until) {
      const next = going.next();
      if (next.done) return next.value;
    }
    await new Promise((soon) => setTimeout(soon));
  }
}
