import { existsSync, readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { createServer, defineConfig } from "vite";
import explorer, { FONTS, licences } from "./vite.config.ts";

const RECORDED = "../src/unmix/learn/recorded";
const TEXTS = ["listing", "claims", "checks"];
/** The picture at the head: this kind, this budget, the first held-out activation of this world. */
const PICTURED = { world: "flat", kind: "topk", setting: 4, seed: 0 } as const;

const json = (name: string) => JSON.parse(readFileSync(`${RECORDED}/${name}.json`, "utf8"));

function floats(name: string): Float32Array {
  const bytes = readFileSync(`${RECORDED}/${name}`);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Render what can be read without JavaScript, and work out the picture at the head. */
async function prepared() {
  if (![...TEXTS, "grid", "heldout"].every((name) => existsSync(`${RECORDED}/${name}.json`))) {
    return { body: "", define: { __PICTURE__: "null", __WORDS__: "0" } };
  }
  const define: Record<string, string> = {};
  const server = await createServer({ configFile: false, plugins: [svelte()], server: { middlewareMode: true, hmr: false, ws: false }, appType: "custom", optimizeDeps: { noDiscovery: true } });
  const { read } = await server.ssrLoadModule("/src/learn/kernel/sae.ts");
  const { picture } = await server.ssrLoadModule("/src/learn/picture.ts");
  const { world, kind, setting, seed } = PICTURED;
  const run = json("grid").runs.find((one: typeof PICTURED) => one.world === world && one.kind === kind && one.setting === setting && one.seed === seed);
  const { d } = json("heldout")[world];
  const numbers = floats(run.weights);
  const m = (numbers.length - d) / (2 * d + 1);
  const pictured = picture(run.id, read(numbers, { kind, d, m, k: setting }), floats(`heldout/${world}.bin`).subarray(0, d));
  define["__PICTURE__"] = JSON.stringify(pictured);
  (globalThis as Record<string, unknown>)["__PICTURE__"] = pictured; // the server's modules read it from there
  const { default: Plain } = await server.ssrLoadModule("/src/learn/Plain.svelte");
  const { render } = await server.ssrLoadModule("svelte/server");
  const props = Object.fromEntries(TEXTS.map((name) => [name, json(name)]));
  const { body } = render(Plain, { props }) as { body: string };
  await server.close();
  define["__WORDS__"] = String(body.replaceAll(/<pre[\s\S]*?<\/pre>|<[^>]*>/g, " ").split(/\s+/).filter(Boolean).length);
  return { body: body.replaceAll(/<!--.*?-->/g, ""), define };
}

/** Write what can be read without JavaScript into the page. */
function readable(body: string) {
  return {
    name: "readable",
    transformIndexHtml: (html: string): string => (body ? html.replace("<body>", `<body>\n    <noscript>${body}</noscript>`) : html),
  };
}

/** The learning page is one script and one style sheet, so that it can be written as a single file. */
export default defineConfig(async () => {
  const { body, define } = await prepared();
  return {
    base: "",
    define,
    plugins: [svelte(), licences("licences-learn.txt", [...FONTS, "@fontsource/source-serif-4"]), readable(body)],
    build: {
      ...explorer.build,
      emptyOutDir: false, // the explorer's page lies there
      rolldownOptions: {
        input: "learn.html",
        output: { codeSplitting: false, entryFileNames: "assets/learn-[hash].js", assetFileNames: "assets/learn-[name]-[hash][extname]" },
      },
    },
  };
});
