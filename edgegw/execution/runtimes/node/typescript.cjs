// Handlers written in TypeScript: by the project's own esbuild, else by Node.js itself.
//
// Lambda runs no TypeScript; what is deployed was made of it, nearly always by esbuild. So where the
// project has one, it makes a bundle as it would for Lambda, kept in memory, with a source map through
// which stack traces point into the `.ts`. Installed packages are not bundled but loaded from where
// they are. Without esbuild, Node.js takes the types away (22.13 and newer): lines and columns stay as
// they are, and other `.ts` files are loaded in the same way.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { pathToFileURL, fileURLToPath } = require("node:url");
const { typeOf } = require("./packages.cjs");

const TYPED = /\.[mc]?tsx?$/;

// What the file exports.
exports.load = async function load(file) {
  const esbuild = ownEsbuild(file);
  if (esbuild !== undefined) return loadBundle(esbuild, file);
  if (Module.stripTypeScriptTypes !== undefined) return loadStripped(file);
  const fault = new Error(
    `${path.basename(file)} is TypeScript: install esbuild in the project (npm install --save-dev esbuild), or use Node.js 22.13 or newer, which runs TypeScript itself (this is ${process.versions.node})`);
  fault.code = "MODULE_NOT_FOUND";
  throw fault;
};

function ownEsbuild(file) {
  try {
    return Module.createRequire(file)("esbuild");
  } catch (fault) {
    if (fault.code === "MODULE_NOT_FOUND") return undefined;
    throw fault;
  }
}

// Whether the project takes the file for an ES module.
function isModule(file) {
  if (file.endsWith(".mts")) return true;
  return !file.endsWith(".cts") && typeOf(file, undefined) === "module";
}

function loadBundle(esbuild, file) {
  const isModular = isModule(file);
  const built = esbuild.buildSync({
    entryPoints: [file],
    outfile: path.join(path.dirname(file), "bundle.js"), // named, not written: sources are found from there
    write: false,
    bundle: true,
    platform: "node",
    packages: "external",
    format: isModular ? "esm" : "cjs",
    target: `node${process.versions.node}`,
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "silent",
  });
  process.setSourceMapsEnabled(true);
  const source = built.outputFiles[0].text;
  return isModular ? importAs(file, source) : compileAs(file, source);
}

function compileAs(file, source) {
  const module = new Module(file, null);
  module.filename = file;
  module.paths = Module._nodeModulePaths(path.dirname(file));
  module._compile(source, file, "commonjs");
  module.loaded = true;
  return module.exports;
}

function importAs(file, source) {
  const url = pathToFileURL(file).href;
  register("bundled", { url, source });
  return import(url);
}

function loadStripped(file) {
  Module._extensions[".ts"] = Module._extensions[".cts"] = (module, name) => {
    module._compile(stripped(name), name, "commonjs");
  };
  register("stripped", {});
  return formatOf(file) === "module" ? import(pathToFileURL(file).href) : require(file);
}

function stripped(file) {
  const { emitWarning } = process;
  process.emitWarning = () => {}; // it is experimental, which says nothing about the function
  try {
    return Module.stripTypeScriptTypes(fs.readFileSync(file, "utf8"));
  } finally {
    process.emitWarning = emitWarning;
  }
}

// A file of a package that does not say is a module when it is written as one, as for esbuild.
function formatOf(file) {
  const isWrittenAsOne = () => /^\s*(import\s*[\w{*"']|export\s)/m.test(fs.readFileSync(file, "utf8"));
  return isModule(file) || (!file.endsWith(".cts") && isWrittenAsOne()) ? "module" : "commonjs";
}

// Hooks run in a thread of their own, which loads this file, too, and takes those of `kind`.
function register(kind, data) {
  const code = `
    import { createRequire } from "node:module";
    const hooks = createRequire(${JSON.stringify(__filename)})(${JSON.stringify(__filename)}).hooks.${kind};
    let given;
    export const initialize = (data) => { given = data; };
    export const resolve = (specifier, context, next) => hooks.resolve(specifier, context, next, given);
    export const load = (url, context, next) => hooks.load(url, context, next, given);`;
  Module.register("data:text/javascript," + encodeURIComponent(code), { data });
}

exports.hooks = {
  bundled: {
    resolve: (specifier, context, next) => next(specifier, context),
    load(url, context, next, given) {
      if (url !== given.url) return next(url, context);
      return { format: "module", source: given.source, shortCircuit: true };
    },
  },
  stripped: {
    async resolve(specifier, context, next) {
      try {
        return await next(specifier, context);
      } catch (fault) {
        if (!/^\.{1,2}\//.test(specifier) || !context.parentURL) throw fault;
        const plain = new URL(specifier.replace(/\.([mc]?)js$/, ".$1ts"), context.parentURL).href;
        const url = [plain, `${plain}.ts`, `${plain}/index.ts`].find((each) => TYPED.test(each) && fs.existsSync(fileURLToPath(each)));
        if (url === undefined) throw fault;
        return { url, format: formatOf(fileURLToPath(url)), shortCircuit: true };
      }
    },
    load(url, context, next) {
      if (!url.startsWith("file:") || !TYPED.test(url)) return next(url, context);
      const file = fileURLToPath(url);
      const format = formatOf(file);
      return { format, source: format === "module" ? stripped(file) : null, shortCircuit: true };
    },
  },
};
