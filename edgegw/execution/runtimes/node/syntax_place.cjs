// Where an ES module has its syntax error, as lines in front of the stack.
//
// Node.js says so at the top of the stack for CommonJS, and for a module only to a terminal; so
// another Node.js is asked, which parses what the handler imports and runs none of it.
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

// The lines for an error with the lines `stack`; none where they say it themselves.
exports.placeOfSyntaxError = function placeOfSyntaxError(stack, { handler: name, task_root: root }) {
  if (!/compileSourceTextModule|ModuleLoader|ModuleWrap|esm\/translators/.test(stack.join("\n"))) return [];
  const base = path.resolve(root, path.dirname(name), path.basename(name).split(".")[0]);
  const entry = [".js", ".mjs", ".ts", ".mts"].map((suffix) => base + suffix).find((file) => fs.existsSync(file));
  if (entry === undefined) return [];
  const walk = `
    const { SourceTextModule } = require("vm"), { readFileSync } = require("fs"), { fileURLToPath } = require("url");
    const waiting = [require("url").pathToFileURL(process.argv[1]).href], seen = new Set(waiting);
    while (waiting.length) {
      const url = waiting.pop();
      let source, module;
      try { source = readFileSync(fileURLToPath(url), "utf8"); } catch { continue; }
      try { module = new SourceTextModule(source); }
      catch (fault) {
        if (fault.message === process.argv[2]) { console.log(fileURLToPath(url)); break; }
        continue;
      }
      const named = module.dependencySpecifiers ?? module.moduleRequests.map((each) => each.specifier);
      for (const specifier of named) {
        if (!/^[./]|^file:/.test(specifier)) continue;
        const next = new URL(specifier, url).href;
        if (!seen.has(next)) { seen.add(next); waiting.push(next); }
      }
    }`;
  const message = stack[0].replace(/^SyntaxError: /, "");
  const ask = (input, ...args) => spawnSync(process.execPath, args, { input, encoding: "utf8", env: {}, timeout: 3000 });
  const file = ask("", "--no-warnings", "--experimental-vm-modules", "-e", walk, entry, message).stdout?.trim();
  if (!file) return [];
  const [place, code, mark] = ask(fs.readFileSync(file), "--check", "--input-type=module", "-").stderr.split("\n");
  const line = /^\[stdin\]:(\d+)$/.exec(place);
  return line ? [`${file}:${line[1]}`, code, mark, ""] : [`${file}:1`, ""];
};

