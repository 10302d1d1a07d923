/** Addresses: `#/latent/412?show=range` is a view, what it shows, and how. */

export type Query = Readonly<Record<string, string>>;
export type Route = { readonly view: string; readonly id: string; readonly query: Query };

/** Return the route that a hash names; the overview where it names none. */
export function parse(hash: string): Route {
  const [path = "", search = ""] = split(hash.replace(/^#\/?/, ""));
  const [view = "", id = ""] = path.split("/").map(decoded);
  return { view: view || "overview", id, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** Return the hash of a view; what is undefined or empty is left out. */
export function link(
  view: string,
  id: string | number = "",
  query: Record<string, string | number | undefined> = {},
): string {
  const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(kept.map(([name, value]) => [name, String(value)]));
  const path = id === "" ? view : `${view}/${encodeURIComponent(id)}`;
  return kept.length ? `#/${path}?${search}` : `#/${path}`;
}

function split(text: string): [string, string] {
  const at = text.indexOf("?");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
