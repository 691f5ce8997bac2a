// One Node.js execution environment. Started ahead without code; the first frame says what to load.
//
// Frames on descriptor EDGEGW_FRAMES_FD: 4 bytes length (big endian), 1 byte kind, data.
// In    I  init settings as JSON      V  2 bytes length of the meta JSON, meta JSON, event JSON
// Out   R  ready    X  init failed (error JSON)    A  4 bytes, result JSON    E  4 bytes, error JSON
// The 4 bytes are the microseconds of the invocation in which the handler did not compute.
"use strict";

const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");

const frames = new net.Socket({ fd: Number(process.env.EDGEGW_FRAMES_FD), readable: true, writable: true });
delete process.env.EDGEGW_FRAMES_FD;

let settings = null;
let handler = null;
let current = null; // the invocation under way: { answered, settle }
let pending = Buffer.alloc(0);

frames.on("data", (chunk) => {
  pending = pending.length ? Buffer.concat([pending, chunk]) : chunk;
  while (pending.length >= 5) {
    const length = pending.readUInt32BE(0);
    if (pending.length < 5 + length) return;
    const kind = String.fromCharCode(pending[4]);
    const data = pending.subarray(5, 5 + length);
    pending = pending.subarray(5 + length);
    if (kind === "I") init(JSON.parse(data.toString("utf8")));
    else if (kind === "V") invoke(data);
  }
});
frames.on("end", () => process.exit(0));
frames.on("error", () => process.exit(0));
process.on("SIGINT", () => {});

let started = 0;
let startedCpu = null;

function send(kind, text) {
  const answers = kind === "A" || kind === "E";
  const at = answers ? 9 : 5;
  const size = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(at + size);
  frame.writeUInt32BE(at - 5 + size, 0);
  frame.write(kind, 4, "latin1");
  if (answers) frame.writeUInt32BE(microsWaited(), 5);
  frame.write(text, at, "utf8");
  frames.write(frame);
}

function microsWaited() {
  const used = process.cpuUsage(startedCpu);
  const waited = (performance.now() - started) * 1000 - used.user - used.system;
  return Math.min(Math.max(0, Math.round(waited)), 0xffffffff);
}

async function init(given) {
  settings = given;
  try {
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, settings.environment);
    process.chdir(settings.task_root);
    process.argv[1] = settings.handler;
    handler = await load(settings.handler, settings.task_root);
    send("R", "{}");
  } catch (fault) {
    const error = initError(fault);
    console.error(`${error.errorType}: ${error.errorMessage}`);
    frames.write(Buffer.alloc(0));
    send("X", JSON.stringify(error));
    frames.end(() => process.exit(1));
  }
}

class HandlerNotFound extends Error {}
class MalformedHandlerName extends Error {}

// `dir/index.a.b` is module `dir/index`, export path `a.b`.
async function load(name, root) {
  const base = path.basename(name);
  const dot = base.indexOf(".");
  if (dot <= 0 || dot === base.length - 1) throw new MalformedHandlerName("Bad handler");
  if (name.includes("..")) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const file = path.resolve(root, path.dirname(name), base.slice(0, dot));
  const exported = await loadModule(file, root);
  let found = exported;
  const names = base.slice(dot + 1).split(".");
  for (const part of names) found = found === undefined || found === null ? undefined : found[part];
  if (found === undefined && exported && exported.default) {
    found = names.reduce((value, part) => (value === undefined || value === null ? undefined : value[part]), exported.default);
  }
  if (found === undefined) throw new HandlerNotFound(`${base} is undefined or not exported`);
  if (typeof found !== "function") throw new HandlerNotFound(`${base} is not a function`);
  return found;
}

async function loadModule(file, root) {
  for (const suffix of ["", ".js", ".mjs", ".cjs"]) {
    const candidate = file + suffix;
    if (!fs.existsSync(candidate) || !fs.statSync(candidate).isFile()) continue;
    if (suffix === ".mjs" || (suffix === ".js" && isModulePackage(candidate))) {
      return import(pathToFileURL(candidate).href);
    }
    return require(candidate);
  }
  return createRequire(path.join(root, "index.js"))(file);
}

function isModulePackage(file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
    if (folder === path.dirname(folder)) return false;
  }
}

function initError(fault) {
  const stack = String((fault && fault.stack) || "").split("\n");
  const message = String((fault && fault.message) || fault);
  if (fault instanceof HandlerNotFound) return { errorType: "Runtime.HandlerNotFound", errorMessage: message, trace: stack };
  if (fault instanceof MalformedHandlerName) return { errorType: "Runtime.MalformedHandlerName", errorMessage: message, trace: stack };
  if (fault instanceof SyntaxError) {
    return { errorType: "Runtime.UserCodeSyntaxError", errorMessage: `SyntaxError: ${message}`, trace: stack };
  }
  if (fault && (fault.code === "MODULE_NOT_FOUND" || fault.code === "ERR_MODULE_NOT_FOUND")) {
    return { errorType: "Runtime.ImportModuleError", errorMessage: `Error: ${message}`, trace: stack };
  }
  return errorObject(fault);
}

function errorObject(fault) {
  if (fault instanceof Error) {
    return { errorType: fault.name, errorMessage: fault.message, trace: String(fault.stack || "").split("\n") };
  }
  return { errorType: typeof fault, errorMessage: String(fault), trace: [] };
}

function invoke(data) {
  const metaEnd = 2 + data.readUInt16BE(0);
  const meta = JSON.parse(data.toString("utf8", 2, metaEnd));
  const event = JSON.parse(data.toString("utf8", metaEnd));
  const invocation = { answered: false, result: undefined, isAsync: false };
  current = invocation;
  if (meta.trace_id) process.env._X_AMZN_TRACE_ID = meta.trace_id;

  const answer = (kind, text) => {
    if (invocation.answered) return;
    invocation.answered = true;
    current = null;
    frames.ref();
    send(kind, text);
  };
  const succeed = (value) => {
    let text;
    try {
      text = JSON.stringify(value === undefined ? null : value);
      if (text === undefined) text = "null";
    } catch (fault) {
      return fail(new Error("Unable to stringify response body"));
    }
    answer("A", text);
  };
  const fail = (fault) => {
    const error = errorObject(fault);
    console.error(`${error.errorType}: ${error.errorMessage}\n${error.trace.slice(1).join("\n")}`);
    answer("E", JSON.stringify(error));
  };
  invocation.succeed = succeed;
  invocation.fail = fail;

  const deadline = Date.now() + meta.remaining_ms;
  const callback = (fault, value) => {
    if (invocation.answered || invocation.settled) return;
    if (fault !== null && fault !== undefined) return fail(fault);
    if (context.callbackWaitsForEmptyEventLoop === false) return succeed(value);
    invocation.settled = true;
    invocation.result = value;
  };
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionName: settings.function_name,
    functionVersion: settings.function_version,
    invokedFunctionArn: meta.arn,
    memoryLimitInMB: settings.memory_limit_in_mb,
    awsRequestId: meta.request_id,
    logGroupName: settings.log_group_name,
    logStreamName: settings.log_stream_name,
    identity: undefined,
    clientContext: undefined,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: callback,
    succeed: (value) => callback(null, value),
    fail: (fault) => callback(fault === undefined || fault === null ? "handled" : fault),
  };

  started = performance.now();
  startedCpu = process.cpuUsage();
  // While the handler runs, only its own work keeps the event loop alive.
  frames.unref();
  try {
    const returned = handler(event, context, callback);
    if (returned && typeof returned.then === "function") {
      invocation.isAsync = true;
      returned.then(succeed, fail);
    } else if (settings.returns_values && returned !== undefined) {
      succeed(returned);
    }
  } catch (fault) {
    fail(fault);
  }
}

// The event loop ran empty: a callback's value goes out now; a handler that never answers is null,
// a promise that never settles ends the process, as in the managed runtime.
process.on("beforeExit", () => {
  if (current === null) return;
  if (current.isAsync) process.exit(0);
  current.succeed(current.settled ? current.result : null);
});

process.on("uncaughtException", (fault) => {
  const error = errorObject(fault);
  console.error(`Uncaught Exception ${error.errorType}: ${error.errorMessage}\n${error.trace.slice(1).join("\n")}`);
  if (current !== null && !current.answered) {
    current.answered = true;
    send("E", JSON.stringify(error));
  }
  frames.end(() => process.exit(129));
});

process.on("unhandledRejection", (reason) => {
  const message = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  const trace = reason instanceof Error ? String(reason.stack).split("\n") : [];
  console.error(`Unhandled Promise Rejection ${message}`);
  if (current !== null && !current.answered) {
    current.answered = true;
    send("E", JSON.stringify({ errorType: "Runtime.UnhandledPromiseRejection", errorMessage: message, trace }));
  }
  frames.end(() => process.exit(128));
});
