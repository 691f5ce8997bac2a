// The function that a handler's name means, and where its code finds packages.
//
// Files are loaded by the `require` of the program: what a function sees of who loaded it, such as
// `module.parent` or the "Require stack" of an error, names that and not this file.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { HandlerNotFound, MalformedHandlerName } = require("./errors.cjs");
const packages = require("./packages.cjs");

// Whatever is loaded from here on finds the packages of layers, and none above the code folder.
function preparePackages({ opt, task_root: root }) {
  Module._initPaths(); // NODE_PATH names the layers
  if (opt) searchLayersForModules();
  packages.endAt(root);
}

// Node.js itself looks for the packages of ES modules beside the importing file only; the managed
// runtime finds those of layers too.
function searchLayersForModules() {
  const parents = process.env.NODE_PATH.split(":").filter((folder) => folder.endsWith("node_modules"))
    .map((folder) => pathToFileURL(path.join(path.dirname(folder), "layer.js")).href);
  const hook = `
    const parents = ${JSON.stringify(parents)};
    export async function resolve(specifier, context, next) {
      try { return await next(specifier, context); }
      catch (fault) {
        if (fault.code !== "ERR_MODULE_NOT_FOUND" || /^[./]|^[a-z]+:/.test(specifier)) throw fault;
        for (const parentURL of parents) {
          try { return await next(specifier, { ...context, parentURL }); } catch {}
        }
        throw fault;
      }
    }`;
  Module.register?.("data:text/javascript," + encodeURIComponent(hook));
}

// The handler: `dir/index.a.b` is module `dir/index`, export path `a.b`. Rejects with an error of
// `errors.cjs`, or with what the code throws.
async function load(name, root, requireFile) {
  const base = path.basename(name);
  const dot = base.indexOf(".");
  if (name.includes("..")) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  if (dot <= 0 || dot === base.length - 1) throw new MalformedHandlerName("Bad handler");
  const file = path.resolve(root, path.dirname(name), base.slice(0, dot));
  const exported = await loadModule(file, root, requireFile);
  const names = base.slice(dot + 1).split(".");
  let handler = memberOf(exported, names);
  if (handler === undefined && exported && exported.default) handler = memberOf(exported.default, names);
  if (handler === undefined) throw new HandlerNotFound(`${base} is undefined or not exported`);
  if (typeof handler !== "function") throw new HandlerNotFound(`${base} is not a function`);
  return handler;
}

function memberOf(exported, names) {
  return names.reduce((value, part) => (value === undefined || value === null ? undefined : value[part]), exported);
}

async function loadModule(file, root, requireFile) {
  for (const suffix of ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]) {
    const candidate = file + suffix;
    if (!fs.existsSync(candidate) || !fs.statSync(candidate).isFile()) continue;
    if (suffix.endsWith("ts")) return require("./typescript.cjs").load(candidate);
    if (suffix === ".mjs" || (suffix === ".js" && packages.typeOf(candidate, root) === "module")) {
      return import(pathToFileURL(candidate).href);
    }
    return requireFile(candidate);
  }
  return Module.createRequire(path.join(root, "index.js"))(file);
}

module.exports = { load, preparePackages };
