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

const net = require("node:net");
const util = require("node:util");
const { missingPackage } = require("./advice.cjs");
const { attach } = require("./callbacks.cjs");
const { CallbackHandlerDeprecated, errorObject, initError } = require("./errors.cjs");
const { load, preparePackages } = require("./handler.cjs");
const log = require("./log.cjs");
const { HttpResponseStream, isStreaming, streamAnswer, streamifyResponse } = require("./streaming.cjs");

const takeCoverage = process.env.NODE_V8_COVERAGE ? require("node:v8").takeCoverage : null;

const FRAMES_FD = 3;
const [EVENT, SETTINGS] = Buffer.from("VI");
const COMPLETE_ALREADY = "Invocation has already been reported as done. Cannot call complete more than once per invocation.";

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

const outlet = { send, whenDrained: (done) => frames.once("drain", () => done()) }; // of a streamed answer

async function init(given) {
  settings = given;
  isModern = settings.runtime_version[0] >= 24;
  log.configure(settings, isModern ? "-" : undefined);
  try {
    if (Object.keys(settings.environment).length) { // else this process was started with it
      for (const name of Object.keys(process.env)) delete process.env[name];
      Object.assign(process.env, settings.environment);
    }
    if (settings.names.length) require("./names.cjs").lead(settings.names);
    process.chdir(settings.task_root);
    process.argv[1] = settings.handler;
    preparePackages(settings);
    log.patchConsole(settings.log_level);
    globalThis.awslambda = { streamifyResponse, HttpResponseStream };
    isLoading = true;
    frames.unref();
    handler = await load(settings.handler, settings.task_root, require);
    if (isModern && handler.length >= 3 && !isStreaming(handler)) {
      throw new CallbackHandlerDeprecated(
        "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.");
    }
    isLoading = false;
    frames.ref();
    send("R", JSON.stringify({ version: process.versions.node }));
  } catch (fault) {
    isLoading = false;
    const error = initError(fault, settings.task_root);
    if (fault instanceof SyntaxError) {
      const { placeOfSyntaxError } = require("./syntax_place.cjs"); // here only: starting must stay quick
      error.trace.unshift(...placeOfSyntaxError(error.trace, settings));
    }
    log.error("Init Error", error, fault);
    send("X", JSON.stringify(error));
    frames.end(() => process.exit(1));
  }
}

// `data` begins with the frame, which ends at `end`.
function invoke(data, end) {
  const metaEnd = 9 + data.readUInt32BE(5);
  const [request_id, arn, left, trace_id, ...context_lines] = data.toString("utf8", 9, metaEnd).split("\n");
  const meta = { request_id, arn, trace_id, client_context: context_lines.join("\n") };
  const invocation = { isAnswered: false, isComplete: false, whenIdle: undefined };
  current = invocation;
  log.requestId = request_id;
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
    log.error("Invoke Error", errorObject(shown), shown);
    const remedy = missingPackage(fault, settings.task_root);
    if (remedy) log.write(`edgegw: ${remedy}\n`);
    answer("E", JSON.stringify(errorObject(fault)));
  };

  started = performance.now();
  // While the handler runs, only its own work keeps the event loop alive.
  frames.unref();
  let report = failed;
  try {
    const context = {};
    const streams = isStreaming(handler);
    const callback = isModern || streams ? undefined : attach(context, invocation, complete, failed);
    report = callback || failed;
    describe(context, meta, Date.now() + Number(left));
    const event = JSON.parse(data.toString("utf8", metaEnd, end));
    if (streams) {
      invocation.whenIdle = neverSettled;
      streamAnswer(handler, event, context, outlet, answer, failed);
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
  log.error(what, error, fault);
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
    log.write(`${util.inspect(fault)}\n`);
    process.exit(1);
  }
  die("Uncaught Exception", errorObject(fault), fault, 129);
});

process.on("unhandledRejection", (reason) => {
  if (isModern) {
    log.write(`${util.inspect(reason)}\n`);
    process.exit(1);
  }
  const errorMessage = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  const trace = reason instanceof Error ? String(reason.stack).split("\n") : [];
  const error = { errorType: "Runtime.UnhandledPromiseRejection", errorMessage, trace };
  die("Unhandled Promise Rejection", error, reason, 128);
});
