/** What the claims' witnesses said when they last ran; where none was run, nothing. */

import type { components } from "../../schema.d.ts";
import { load } from "../data.ts";

export type Status = components["schemas"]["Status"];

const NOT_RUN: Status = { commit: "", date: "", versions: {}, key: "", claims: {} };

/** Return what the witnesses said, or that none has run where nothing was recorded. */
export function status(): Promise<Status> {
  return load<Status>("status.json").catch(() => NOT_RUN);
}
