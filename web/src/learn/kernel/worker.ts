/** Learning on a thread of its own: a plan comes in, what became of it goes out. */

import { type Plan, grow } from "./alive.ts";

self.onmessage = ({ data }: MessageEvent<{ id: number; plan: Plan }>): void => {
  const run = grow(data.plan);
  let next = run.next();
  while (!next.done) next = run.next();
  self.postMessage({ id: data.id, grown: next.value });
};
