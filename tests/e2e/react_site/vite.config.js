import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// A cache of its own: node_modules is shared with copies of this project that run side by side.
export default defineConfig({ plugins: [react()], clearScreen: false, cacheDir: "cache" });
