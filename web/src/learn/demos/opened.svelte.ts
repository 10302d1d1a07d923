/** A run that is open, whichever is wanted now; and the stops a reader has been to. */

import { type Opened, type Run, type World, open } from "./recorded.ts";

/** Keeps the run that is wanted open; what was open stays until the next one is there. */
export class Held {
  now: Opened | undefined = $state.raw();

  constructor(wanted: () => Run | undefined, world: World = "flat") {
    $effect(() => {
      const run = wanted();
      if (!run?.weights) return;
      let isWanted = true;
      void open(run, world).then((opened) => {
        if (isWanted) this.now = opened;
      });
      return () => (isWanted = false);
    });
  }
}

/** The stops that have been on screen. */
export class Visited {
  #stops: ReadonlySet<number> = $state.raw(new Set<number>());

  add(stop: number): void {
    if (!this.#stops.has(stop)) this.#stops = new Set([...this.#stops, stop]);
  }

  get size(): number {
    return this.#stops.size;
  }

  has(stop: number): boolean {
    return this.#stops.has(stop);
  }
}
