import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Drops the base64 Open Sans faces of Cloudscape's global styles: Inter is served as a file instead. */
function withoutEmbeddedFonts(): Plugin {
  return {
    name: "without-embedded-fonts",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("global-styles") || !id.endsWith(".css")) return null;
      return { code: code.replace(/@font-face\s*\{[^}]*base64[^}]*\}/g, ""), map: null };
    },
  };
}

const hub = process.env["ROADSTEAD_DEV_HUB"] ?? "http://127.0.0.1:7400";

export default defineConfig({
  plugins: [withoutEmbeddedFonts(), react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2500,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/live": { target: hub, ws: true, secure: false },
      "/stream": { target: hub, ws: true, secure: false },
    },
  },
  test: {
    // A document takes half a second per file to make, so only what draws something gets one.
    projects: [
      { extends: true, test: { name: "pure", include: ["src/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "drawn",
          include: ["src/**/*.test.tsx"],
          environment: "jsdom",
          globals: true,
          setupFiles: ["src/test/setup.ts"],
          server: { deps: { inline: [/@cloudscape-design/] } },
          css: false,
          testTimeout: 30_000,
        },
      },
    ],
  },
});
