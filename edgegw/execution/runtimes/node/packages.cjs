// Where the package of a function ends: at its code folder, as on Lambda.
//
// Node.js asks the nearest package.json whether a `.js` is a module, however far above it is. On
// Lambda nothing is above the code folder; here that may be the project, whose `"type": "module"`
// would make modules of a bundle that is none. Where there is such a one, both ways to load a file,
// `require` and `import`, are told that the files of the code folder without a package.json of their
// own are CommonJS.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

// The "type" of the package of `file`, a file at or below the folder `root`; undefined without one.
function typeOf(file, root) {
  return packageOf(file, root)?.type;
}

function packageOf(file, root) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (fs.existsSync(manifest)) return read(manifest);
    if (folder === root || folder === path.dirname(folder) || path.basename(folder) === "node_modules") return undefined;
  }
}

function read(manifest) {
  try {
    return JSON.parse(fs.readFileSync(manifest, "utf8")) || {};
  } catch (fault) {
    console.warn(`${manifest} cannot be read, it will be ignored for ES module detection purposes.`, fault);
    return { isBroken: true };
  }
}

// Makes the package of the code folder `root` end there.
function endAt(root) {
  const real = fs.realpathSync(root);
  if (fs.existsSync(path.join(real, "package.json"))) return;
  const above = packageOf(real, undefined);
  if (above === undefined || !(above.type === "module" || above.isBroken)) return;
  const original = Module._extensions[".js"];
  Module._extensions[".js"] = (module, file) => {
    if (!isBare(file, real)) return original(module, file);
    module._compile(fs.readFileSync(file, "utf8").replace(/^\uFEFF/, ""), file, "commonjs");
  };
  const hook = `
    import { createRequire } from "node:module";
    import { fileURLToPath } from "node:url";
    const { isBare } = createRequire(${JSON.stringify(__filename)})(${JSON.stringify(__filename)});
    export async function resolve(specifier, context, next) {
      const resolved = await next(specifier, context);
      const isOurs = resolved.format === "module" && /^file:[^?#]*\\.js$/.test(resolved.url);
      return isOurs && isBare(fileURLToPath(resolved.url), ${JSON.stringify(real)}) ? { ...resolved, format: "commonjs" } : resolved;
    }`;
  Module.register?.("data:text/javascript," + encodeURIComponent(hook), pathToFileURL(__filename));
}

// Whether `file` is of the code folder `root` and has no package.json of its own there.
function isBare(file, root) {
  const relative = path.relative(root, file);
  if (relative.startsWith("..") || path.isAbsolute(relative)) return false;
  return !relative.split(path.sep).includes("node_modules") && typeOf(file, root) === undefined;
}

module.exports = { endAt, isBare, typeOf };
