import { readFileSync, readdirSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** The address of a running `unmix explore`, for `npm run dev`. */
const server = process.env.UNMIX_SERVER ?? "http://127.0.0.1:8000";

/** Packages of which something is in the page. */
const SHIPPED = /node_modules\/((?:@[^/]+\/)?[^/]+)\//;
export const FONTS = ["inter-ui", "@fontsource-variable/jetbrains-mono"];

/** Write the licences of all that is in a page beside it. */
export function licences(fileName: string, fonts: readonly string[] = FONTS) {
  return {
    name: "licences",
    generateBundle(this: { getModuleIds(): Iterable<string>; emitFile(file: object): void }) {
      const names = [...this.getModuleIds()].map((id) => SHIPPED.exec(id)?.[1] ?? "");
      const packages = [...new Set([...names.filter(Boolean), ...fonts])].sort();
      const texts = packages.map((name) => {
        const folder = `node_modules/${name}`;
        const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
        if (!file) throw new Error(`${name} has no file with its licence`);
        return `${name}\n\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName, source: texts.join("\n\n") });
    },
  };
}

export default defineConfig({
  base: "",
  plugins: [svelte(), licences("licences.txt")],
  server: {
    proxy: {
      "/api": {
        target: server,
        changeOrigin: true, // the server answers under its own name only
        configure: (proxy) => proxy.on("proxyReq", (request) => request.removeHeader("origin")),
      },
    },
  },
  build: {
    outDir: "../src/unmix/explorer/static",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ["src/**/*.test.ts"] },
});
