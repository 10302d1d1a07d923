/** Short names for what the server says; the fields are those of `schema.d.ts`. */

import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Run = Schemas["RunInfo"];
export type ColumnInfo = Schemas["ColumnInfo"];
export type Table = Schemas["Table"];
export type Row = Schemas["Row"];
export type Piece = Schemas["Piece"];
export type Example = Schemas["Example"];
export type Examples = Schemas["Examples"];
export type How = Examples["how"];
export type Bins = Schemas["Histogram"];
export type Neighbour = Schemas["Neighbour"];
export type TokenCount = Schemas["TokenCount"];
export type Rule = Schemas["RuleInfo"];
export type SliceShare = Schemas["SliceShare"];
export type Note = Schemas["Note"];
export type Explanation = Schemas["Explanation"];
export type Latent = Schemas["Latent"];
/** A token and what a unit of act adds to its logit. */
export type LogitEffect = Latent["up"][number];
export type Misses = Schemas["Misses"];
export type Hits = Schemas["Hits"];
export type Differences = Schemas["Differences"];
export type Match = Schemas["Match"];
export type Comparison = Schemas["Comparison"];
export type Fired = Schemas["Fired"];
export type PromptToken = Schemas["PromptToken"];
export type Reading = Schemas["Reading"];
export type TwoReadings = Schemas["TwoReadings"];
export type Shortened = Schemas["Shortened"];
export type Intervention = Schemas["Intervention"];
export type EffectOf = Schemas["EffectOf"];
export type Generated = Schemas["Generated"];
export type TokenEffect = Schemas["TokenEffect"];
export type Checked = Schemas["Checked"];
export type LiveState = Schemas["State"];
