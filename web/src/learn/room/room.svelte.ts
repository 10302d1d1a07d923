/** The research room: which thing is open, and the drafts, kept in this browser (`learn:v1`). */

import type { Draft } from "./handoff.ts";

const KEY = "learn:v1";
/** How long typing must rest before a draft is kept. */
const REST = 400;

const room = $state({ key: "", isKept: true, drafts: stored() });
let waiting: ReturnType<typeof setTimeout> | undefined;

/** Return the key of the thing that the room is open on; empty if it is closed. */
export function opened(): string {
  return room.key;
}

/** Open the room on a thing. */
export function open(key: string): void {
  room.key = key;
}

/** Leave the room; what was typed is kept at once. */
export function close(): void {
  if (waiting) keep();
  room.key = "";
}

/** Say whether this browser keeps drafts. */
export function isKept(): boolean {
  return room.isKept;
}

/** Return the drafts, the last edited first. */
export function drafts(): readonly Draft[] {
  return [...room.drafts].sort((a, b) => b.edited.localeCompare(a.edited));
}

/** Return the draft of a thing, or a new one that is not kept until it says something. */
export function draftOf(key: string): Draft {
  const found = drafts().find((one) => one.key === key);
  return found ?? { id: crypto.randomUUID?.() ?? String(Date.now()), key, question: "", evidence: [], resolved: [], next: "", hash: location.hash, edited: "" };
}

/** Take a changed draft; it is kept once typing rests. */
export function change(draft: Draft): void {
  const edited = { ...draft, hash: location.hash, edited: new Date().toISOString() };
  room.drafts = [...room.drafts.filter((one) => one.id !== draft.id), edited];
  clearTimeout(waiting);
  waiting = setTimeout(keep, REST);
}

/** Remove a draft. */
export function remove(id: string): void {
  room.drafts = room.drafts.filter((one) => one.id !== id);
  keep();
}

function keep(): void {
  clearTimeout(waiting);
  waiting = undefined;
  try {
    const before = JSON.parse(localStorage.getItem(KEY) ?? "{}") as object;
    localStorage.setItem(KEY, JSON.stringify({ ...before, drafts: room.drafts }));
    room.isKept = true;
  } catch (error) {
    if (!(error instanceof DOMException) && !(error instanceof SyntaxError)) throw error;
    room.isKept = false;
  }
}

function stored(): Draft[] {
  if (import.meta.env.SSR) return [];
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") as { drafts?: Draft[] }).drafts ?? [];
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return [];
    throw error;
  }
}
