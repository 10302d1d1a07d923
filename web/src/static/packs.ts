/**
 * Latents out of packs: `data/latents/index.json` says where each lies, compressed by itself.
 *
 * A server that honours ranges sends a latent alone.  One that does not, such as Python's, sends the
 * whole pack, at most a mebibyte, which is kept for the neighbours.
 */

import type { Leaf } from "./leaf.ts";

type Pack = { readonly file: string; readonly first: number; readonly ends: readonly number[] };
type Place = { readonly file: string; readonly start: number; readonly end: number };

const KEPT = 8;
const whole = new Map<string, Promise<ArrayBuffer>>();
let index: Promise<readonly Pack[]> | undefined;

/** Return what was exported of a latent. */
export async function leaf(j: number, signal: AbortSignal): Promise<Leaf> {
  const place = find(await packs(), j);
  const part = await ranged(place, signal);
  if (part) {
    const made = await unpacked(part).catch(() => undefined);
    if (made) return made;
  }
  const all = await kept(place.file);
  return unpacked(all.slice(place.start, place.end));
}

/** Return where a latent lies; the packs are in the order of the latents. */
export function find(all: readonly Pack[], j: number): Place {
  const pack = all.findLast(({ first }) => first <= j);
  const end = pack?.ends[j - pack.first];
  if (!pack || end === undefined) throw new Error(`there is no latent ${j}`);
  return { file: pack.file, start: j > pack.first ? (pack.ends[j - pack.first - 1] ?? 0) : 0, end };
}

function packs(): Promise<readonly Pack[]> {
  index ??= fetch("data/latents/index.json").then(async (response) => {
    if (!response.ok) throw new Error("the file `data/latents/index.json` is not there");
    return ((await response.json()) as { packs: Pack[] }).packs;
  });
  index.catch(() => {
    index = undefined;
  });
  return index;
}

/** Ask for a part of a pack; null where the server sent, and this kept, the whole. */
async function ranged(place: Place, signal: AbortSignal): Promise<ArrayBuffer | null> {
  if (whole.has(place.file)) return null;
  const headers = { range: `bytes=${place.start}-${place.end - 1}` };
  const response = await fetch(address(place.file), { headers, signal });
  if (response.status === 206) return response.arrayBuffer();
  if (response.ok) keep(place.file, response.arrayBuffer());
  return null;
}

function kept(file: string): Promise<ArrayBuffer> {
  return whole.get(file) ?? keep(file, download(file));
}

async function download(file: string): Promise<ArrayBuffer> {
  const response = await fetch(address(file));
  if (!response.ok) throw new Error(`the file \`${address(file)}\` is not there`);
  return response.arrayBuffer();
}

function keep(file: string, bytes: Promise<ArrayBuffer>): Promise<ArrayBuffer> {
  whole.set(file, bytes);
  bytes.catch(() => whole.delete(file));
  for (const oldest of [...whole.keys()].slice(0, -KEPT)) whole.delete(oldest);
  return bytes;
}

async function unpacked(bytes: ArrayBuffer): Promise<Leaf> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as Leaf;
}

const address = (file: string): string => `data/latents/${file}`;
