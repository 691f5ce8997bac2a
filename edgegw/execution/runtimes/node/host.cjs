// One Node.js execution environment. Started ahead without code; the first frame says what to load.
//
// Frames on descriptor 3: 4 bytes length (big endian), 1 byte kind, data.
// In    I  init settings as JSON      V  4 bytes length of the meta, meta, event JSON
// Out   R  ready    X  init failed (error JSON)
//       S  a streamed answer begins (content type)    C  its next bytes
//       A  usage, result JSON    E  usage, error JSON
// Meta are five lines: request id, ARN, milliseconds left, trace header, client context (which may
// have more lines). Usage is 4 bytes microseconds of the invocation in which the handler did not compute, and 4 bytes
// kilobytes of memory, the most so far.
//
// Behaves as the managed runtime's client does: up to Node.js 22 as its line 3, from 24 on as 4.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const net = require("node:net");
const path = require("node:path");
const stream = require("node:stream");
const util = require("node:util");
const { createRequire } = Module;
const { missingPackage } = require("./advice.cjs");
const { attach } = require("./callbacks.cjs");
const packages = require("./packages.cjs");
const { pathToFileURL } = require("node:url");

const takeCoverage = process.env.NODE_V8_COVERAGE ? require("node:v8").takeCoverage : null;

const FRAMES_FD = 3;
const CONTENT_TYPE_WITH_METADATA = "application/vnd.awslambda.http-integration-response";
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const [EVENT, SETTINGS] = Buffer.from("VI");
const COMPLETE_ALREADY = "Invocation has already been reported as done. Cannot call complete more than once per invocation.";
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

// One buffer for all reads: what a frame is made of is decoded or copied before the next one comes.
const frames = new net.Socket({
  fd: FRAMES_FD,
  readable: true,
  writable: true,
  onread: { buffer: Buffer.allocUnsafeSlow(65536), callback: (size, buffer) => receive(buffer.subarray(0, size)) },
});
frames.read(0);

let settings = null;
let isModern = false; // Node.js 24 and newer: no callbacks, plain results count
let handler = null;
let isLoading = false; // the code of the function
let current = null; // the invocation under way
let requestId; // of the invocation under way, for the log
let parts = []; // of a frame whose end has not come
let partsSize = 0;
let needed = 5; // bytes until it may be complete

function receive(chunk) {
  let data = chunk;
  if (partsSize) {
    parts.push(Buffer.from(chunk));
    partsSize += chunk.length;
    if (partsSize < needed) return true;
    data = Buffer.concat(parts, partsSize);
    parts = [];
    partsSize = 0;
  }
  while (data.length >= 5) {
    needed = 5 + data.readUInt32BE(0);
    if (data.length < needed) break;
    const end = needed;
    if (data[4] === EVENT) invoke(data, end);
    else if (data[4] === SETTINGS) init(JSON.parse(data.toString("utf8", 5, end)));
    data = data.subarray(end);
    needed = 5;
  }
  if (data.length) {
    parts.push(Buffer.from(data));
    partsSize = data.length;
  }
  return true;
}
frames.on("end", () => process.exit(0));
frames.on("error", () => process.exit(0));
process.on("SIGINT", () => {});

// What an invocation used is asked of the system only where it can have changed: after one that took
// some time, and after a few short ones.
const NOTICEABLE = 0.3; // milliseconds
const FEW = 16;
let started = 0;
let usedCpu = process.cpuUsage();
let memory = 0;
let unseen = FEW;
let unseenTime = 0;

// Microseconds in which the handler did not compute.
function microsWaited() {
  const spent = performance.now() - started;
  if (spent < NOTICEABLE && unseen < FEW) {
    unseen += 1;
    unseenTime += spent;
    return 0;
  }
  const before = usedCpu;
  const { userCPUTime: user, systemCPUTime: system, maxRSS } = process.resourceUsage();
  const computed = Math.max(0, user + system - before.user - before.system - unseenTime * 1000);
  usedCpu = { user, system };
  memory = maxRSS;
  unseen = unseenTime = 0;
  return Math.min(Math.max(0, Math.round(spent * 1000 - computed)), 0xffffffff);
}

function send(kind, data) {
  const answers = kind === "A" || kind === "E";
  const at = answers ? 13 : 5;
  const isText = typeof data === "string";
  const size = isText ? Buffer.byteLength(data) : data.length;
  const frame = Buffer.allocUnsafe(at + size);
  frame.writeUInt32BE(at - 5 + size, 0);
  frame[4] = kind.charCodeAt(0);
  if (answers) {
    frame.writeUInt32BE(microsWaited(), 5);
    frame.writeUInt32BE(memory, 9);
  }
  if (isText) frame.write(data, at, "utf8");
  else data.copy(frame, at);
  return frames.write(frame);
}

async function init(given) {
  settings = given;
  isModern = settings.runtime_version[0] >= 24;
  requestId = isModern ? "-" : undefined;
  try {
    if (Object.keys(settings.environment).length) { // else this process was started with it
      for (const name of Object.keys(process.env)) delete process.env[name];
      Object.assign(process.env, settings.environment);
    }
    if (settings.names.length) require("./names.cjs").lead(settings.names);
    process.chdir(settings.task_root);
    process.argv[1] = settings.handler;
    Module._initPaths(); // NODE_PATH names the layers
    if (settings.opt) searchLayersForModules();
    packages.endAt(settings.task_root);
    patchConsole();
    globalThis.awslambda = { streamifyResponse, HttpResponseStream };
    isLoading = true;
    frames.unref();
    handler = await load(settings.handler, settings.task_root);
    if (isModern && handler.length >= 3 && handler[STREAMING] === undefined) {
      throw new CallbackHandlerDeprecated(
        "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.");
    }
    isLoading = false;
    frames.ref();
    send("R", JSON.stringify({ version: process.versions.node }));
  } catch (fault) {
    isLoading = false;
    const error = initError(fault);
    if (fault instanceof SyntaxError) error.trace.unshift(...placeOfSyntaxError(error.trace, settings));
    logError("Init Error", error, fault);
    send("X", JSON.stringify(error));
    frames.end(() => process.exit(1));
  }
}

class HandlerNotFound extends Error {}
class MalformedHandlerName extends Error {}
class CallbackHandlerDeprecated extends Error {}

// Node.js itself looks for the packages of ES modules beside the importing file only; the managed
// runtime finds those of layers too.
function searchLayersForModules() {
  const parents = process.env.NODE_PATH.split(":").filter((each) => each.endsWith("node_modules"))
    .map((each) => pathToFileURL(path.join(path.dirname(each), "layer.js")).href);
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

// `dir/index.a.b` is module `dir/index`, export path `a.b`.
async function load(name, root) {
  const base = path.basename(name);
  const dot = base.indexOf(".");
  if (name.includes("..")) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  if (dot <= 0 || dot === base.length - 1) throw new MalformedHandlerName("Bad handler");
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
  for (const suffix of ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]) {
    const candidate = file + suffix;
    if (!fs.existsSync(candidate) || !fs.statSync(candidate).isFile()) continue;
    if (suffix.endsWith("ts")) return require("./typescript.cjs").load(candidate);
    if (suffix === ".mjs" || (suffix === ".js" && packages.typeOf(candidate, root) === "module")) {
      return import(pathToFileURL(candidate).href);
    }
    return require(candidate);
  }
  return createRequire(path.join(root, "index.js"))(file);
}

function initError(fault) {
  const stack = String((fault && fault.stack) || "").split("\n");
  const message = String((fault && fault.message) || fault);
  for (const kind of [HandlerNotFound, MalformedHandlerName, CallbackHandlerDeprecated]) {
    if (fault instanceof kind) return { errorType: `Runtime.${kind.name}`, errorMessage: message, trace: stack };
  }
  if (fault instanceof SyntaxError) {
    return { errorType: "Runtime.UserCodeSyntaxError", errorMessage: `SyntaxError: ${message}`, trace: stack };
  }
  if (fault && (fault.code === "MODULE_NOT_FOUND" || fault.code === "ERR_MODULE_NOT_FOUND")) {
    const remedy = missingPackage(fault, settings.task_root);
    const errorMessage = remedy ? `Error: ${message} (${remedy})` : `Error: ${message}`;
    return { errorType: "Runtime.ImportModuleError", errorMessage, trace: stack };
  }
  return errorObject(fault);
}

// Where an ES module has its syntax error, as lines in front of the stack. Node.js says so at the top
// of the stack for CommonJS, and for a module only to a terminal; so another Node.js is asked, which
// parses what the handler imports and runs none of it.
function placeOfSyntaxError(stack, { handler: name, task_root: root }) {
  if (!/compileSourceTextModule|ModuleLoader|ModuleWrap|esm\/translators/.test(stack.join("\n"))) return [];
  const base = path.resolve(root, path.dirname(name), path.basename(name).split(".")[0]);
  const entry = [".js", ".mjs", ".ts", ".mts"].map((suffix) => base + suffix).find((each) => fs.existsSync(each));
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
  const { spawnSync } = require("node:child_process"); // here only: starting must stay quick
  const ask = (input, ...args) => spawnSync(process.execPath, args, { input, encoding: "utf8", env: {}, timeout: 3000 });
  const file = ask("", "--no-warnings", "--experimental-vm-modules", "-e", walk, entry, message).stdout?.trim();
  if (!file) return [];
  const [place, code, mark] = ask(fs.readFileSync(file), "--check", "--input-type=module", "-").stderr.split("\n");
  const line = /^\[stdin\]:(\d+)$/.exec(place);
  return line ? [`${file}:${line[1]}`, code, mark, ""] : [`${file}:1`, ""];
}

function errorObject(fault) {
  try {
    if (util.types.isNativeError(fault) || looksLikeError(fault)) {
      return { errorType: printable(fault.name), errorMessage: printable(fault.message), trace: printable(fault.stack).split("\n") };
    }
    return { errorType: typeof fault, errorMessage: fault.toString(), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage: "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack",
    };
  }
}

function looksLikeError(fault) {
  return Boolean(fault) && [fault.name, fault.message, fault.stack].every((text) => text && typeof text === "string");
}

function printable(text) {
  return text.replaceAll("\x7F", "%7F");
}

// Log lines: time, request id, level, text; inner newlines as carriage returns keep one entry one.

function patchConsole() {
  const methods = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR" };
  const least = settings.log_format === "JSON" ? Math.max(0, LEVELS.indexOf(settings.log_level)) : 0;
  for (const [method, level] of Object.entries(methods)) {
    console[method] = LEVELS.indexOf(level) < least ? () => {} : (...args) => writeLog(level, args);
  }
  console.fatal = (...args) => writeLog("FATAL", args);
}

function writeLog(level, args) {
  const timestamp = new Date().toISOString();
  if (settings.log_format === "JSON") {
    writeOut(jsonEntry(timestamp, level, args) + "\n");
    return;
  }
  const text = util.format(...args).replace(/\n/g, "\r");
  writeOut(`${timestamp}\t${requestId}\t${level}\t${text}\n`);
}

function jsonEntry(timestamp, level, args) {
  const entry = { timestamp, level };
  if (requestId !== undefined && requestId !== "-") entry.requestId = requestId;
  const only = args.length === 1 ? args[0] : undefined;
  if (only !== null && typeof only === "object" && !(only instanceof Error)) {
    try {
      return JSON.stringify({ ...entry, message: only });
    } catch {
      // circular: as text
    }
  }
  entry.message = util.format(...args);
  const fault = args.find((each) => each instanceof Error);
  if (fault !== undefined) {
    entry.errorType = fault.name;
    entry.errorMessage = fault.message;
    entry.stackTrace = String(fault.stack || "").split("\n");
  }
  return JSON.stringify(entry);
}

function writeOut(text) {
  const data = Buffer.from(text);
  for (let at = 0; at < data.length; ) {
    try {
      at += fs.writeSync(1, data, at);
    } catch (fault) {
      if (fault.code !== "EAGAIN") return;
    }
  }
}

function logError(what, error, fault) {
  const { errorType, errorMessage, trace } = error;
  const own = fault instanceof Error ? { ...fault } : {};
  if (settings.log_format === "JSON") {
    const entry = { timestamp: new Date().toISOString(), level: "ERROR", requestId, message: { errorType, errorMessage, ...own, stackTrace: trace } };
    writeOut(safeJson(entry) + "\n");
    return;
  }
  writeLogText("ERROR", `${what} \t${safeJson({ errorType, errorMessage, ...own, stack: trace })}`);
}

function writeLogText(level, text) {
  writeOut(`${new Date().toISOString()}\t${requestId}\t${level}\t${text.replace(/\n/g, "\r")}\n`);
}

function safeJson(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return JSON.stringify({ errorType: value.errorType, errorMessage: value.errorMessage });
  }
}

// Response streaming

function streamifyResponse(wrapped, options) {
  wrapped[STREAMING] = "response";
  if (options && options.highWaterMark !== undefined) wrapped[HIGH_WATER_MARK] = options.highWaterMark;
  return wrapped;
}

class HttpResponseStream {
  static from(responseStream, metadata) {
    responseStream.setContentType(CONTENT_TYPE_WITH_METADATA);
    responseStream._metadata = Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]);
    return responseStream;
  }
}

class ResponseStream extends stream.Writable {
  constructor(highWaterMark) {
    super({ highWaterMark });
    this._contentType = "application/octet-stream";
    this._begun = false;
    this._metadata = null;
  }

  setContentType(contentType) {
    if (this._begun) {
      const fault = new Error("Cannot set content-type, too late.");
      fault.name = "Runtime.InvalidStreamingOperation";
      throw fault;
    }
    this._contentType = contentType;
  }

  _begin() {
    if (this._begun) return;
    this._begun = true;
    send("S", this._contentType);
    if (this._metadata !== null) send("C", this._metadata);
  }

  _write(chunk, encoding, done) {
    this._begin();
    const data = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding);
    if (send("C", data)) done();
    else frames.once("drain", () => done());
  }

  _final(done) {
    this._begin();
    done();
  }
}

// `data` begins with the frame, which ends at `end`.
function invoke(data, end) {
  const metaEnd = 9 + data.readUInt32BE(5);
  const [request_id, arn, left, trace_id, ...context_lines] = data.toString("utf8", 9, metaEnd).split("\n");
  const meta = { request_id, arn, trace_id, client_context: context_lines.join("\n") };
  const invocation = { isAnswered: false, isComplete: false, whenIdle: undefined };
  current = invocation;
  requestId = meta.request_id;
  process.env._X_AMZN_TRACE_ID = trace_id;

  const answer = (kind, text) => {
    if (invocation.isAnswered) return;
    takeCoverage?.(); // the process ends without a farewell
    invocation.isAnswered = true;
    current = null;
    frames.ref();
    send(kind, text);
  };
  const complete = (value) => {
    if (invocation.isComplete) return console.error(COMPLETE_ALREADY);
    invocation.isComplete = true;
    answer("A", toJson(value));
  };
  const failed = (fault) => {
    if (invocation.isAnswered) return;
    const shown = fault instanceof Error ? fault : new Error(fault);
    logError("Invoke Error", errorObject(shown), shown);
    const remedy = missingPackage(fault, settings.task_root);
    if (remedy) writeOut(`edgegw: ${remedy}\n`);
    answer("E", JSON.stringify(errorObject(fault)));
  };

  started = performance.now();
  // While the handler runs, only its own work keeps the event loop alive.
  frames.unref();
  let report = failed;
  try {
    const context = {};
    const callback = isModern || handler[STREAMING] !== undefined ? undefined : attach(context, invocation, complete, failed);
    report = callback || failed;
    describe(context, meta, Date.now() + Number(left));
    const event = JSON.parse(data.toString("utf8", metaEnd, end));
    if (handler[STREAMING] !== undefined) {
      invocation.whenIdle = neverSettled;
      streamAnswer(event, context, answer, failed);
    } else if (isModern) {
      invocation.whenIdle = () => process.exit(0);
      const returned = handler(event, context);
      if (isPromise(returned)) returned.then(complete).catch(failed);
      else complete(returned);
    } else {
      const returned = handler(event, context, callback);
      if (isPromise(returned)) returned.then(context.succeed, context.fail).catch(context.fail);
    }
  } catch (fault) {
    report(fault);
  }
}

function isPromise(returned) {
  return Boolean(returned) && typeof returned.then === "function";
}

// What JSON leaves out, such as a function, is null.
function toJson(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? "null";
  } catch {
    const unable = new Error("Unable to stringify response body");
    if (isModern) unable.name = "Runtime.JSONStringifyError";
    throw unable;
  }
}

function describe(context, meta, deadline) {
  const clientContext = meta.client_context ? JSON.parse(meta.client_context) : undefined;
  if (!isModern) {
    context.functionVersion = settings.function_version;
    context.functionName = settings.function_name;
    describeSizeAndLog(context);
    describeInvocation(context, meta, clientContext);
    context.getRemainingTimeInMillis = () => deadline - Date.now();
    return;
  }
  describeInvocation(context, meta, clientContext);
  context.xRayTraceId = meta.trace_id || undefined;
  context.getRemainingTimeInMillis = () => deadline - Date.now();
  context.functionName = settings.function_name;
  context.functionVersion = settings.function_version;
  describeSizeAndLog(context);
}

function describeSizeAndLog(context) {
  context.memoryLimitInMB = settings.memory_limit_in_mb;
  context.logGroupName = settings.log_group_name;
  context.logStreamName = settings.log_stream_name;
}

function describeInvocation(context, meta, clientContext) {
  context.clientContext = clientContext;
  context.identity = undefined;
  context.invokedFunctionArn = meta.arn;
  context.awsRequestId = meta.request_id;
  context.tenantId = undefined;
}

function streamAnswer(event, context, answer, fail) {
  const out = new ResponseStream(handler[HIGH_WATER_MARK]);
  out.on("error", fail);
  const returned = handler(event, out, context);
  if (!returned || typeof returned.then !== "function") {
    const fault = new Error("Streaming does not support non-async handlers.");
    fault.name = "Runtime.MalformedStreamingHandler";
    fail(fault);
    return;
  }
  returned.then(() => {
    if (out.writableFinished) return answer("A", "");
    if (!out.writableEnded) {
      const fault = new Error("Response stream is not finished.");
      fault.name = "Runtime.StreamError";
      return fail(fault);
    }
    out.once("finish", () => answer("A", ""));
  }, fail);
}

// The event loop ran empty: a callback's value goes out now, and a handler up to Node.js 22 that
// never answers is null. Code that waits for what never comes while it is loaded ends the process.
process.on("beforeExit", () => {
  if (isLoading) return neverSettled();
  if (current === null) return;
  if (current.whenIdle !== undefined && current.isComplete) {
    // A result that was no JSON, and a callback behind it: AWS's client repeats this without end.
    console.error(COMPLETE_ALREADY);
    frames.ref();
  } else {
    current.whenIdle?.();
  }
});

function neverSettled() {
  if (isModern) process.exit(isLoading ? 13 : 0);
  const fault = new Error("The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes");
  fault.name = "Runtime.NodeJsExit";
  die(isLoading ? "Init Error" : "Invoke Error", errorObject(fault), fault, 13);
}

function die(what, error, fault, status) {
  logError(what, error, fault);
  if (isLoading) {
    send("X", JSON.stringify(error));
  } else if (current !== null && !current.isAnswered) {
    current.isAnswered = true;
    send("E", JSON.stringify(error));
  }
  frames.end(() => process.exit(status));
}

process.on("uncaughtException", (fault) => {
  if (isModern) {
    writeOut(`${util.inspect(fault)}\n`);
    process.exit(1);
  }
  die("Uncaught Exception", errorObject(fault), fault, 129);
});

process.on("unhandledRejection", (reason) => {
  if (isModern) {
    writeOut(`${util.inspect(reason)}\n`);
    process.exit(1);
  }
  const errorMessage = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  const trace = reason instanceof Error ? String(reason.stack).split("\n") : [];
  const error = { errorType: "Runtime.UnhandledPromiseRejection", errorMessage, trace };
  die("Unhandled Promise Rejection", error, reason, 128);
});
