// What goes to the log of a function: what it writes by `console`, and the errors that end things.
//
// A line has time, request id, level and text; newlines within it are carriage returns, so that one
// entry stays one. In the format JSON an entry is an object, and the level of the log silences
// those methods of `console` that are below it.
"use strict";

const fs = require("node:fs");
const util = require("node:util");

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const METHODS = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR" };

let isJson = false;

// `requestId` is the one of the invocation under way; "-" or undefined where there is none yet.
const log = { requestId: undefined, configure, patchConsole, error: logError, write: writeOut };
module.exports = log;

function configure(settings, requestId) {
  isJson = settings.log_format === "JSON";
  log.requestId = requestId;
}

// From here on `console` writes entries; in JSON those of the level `lowest` and above.
function patchConsole(lowest) {
  const least = isJson ? Math.max(0, LEVELS.indexOf(lowest)) : 0;
  for (const [method, level] of Object.entries(METHODS)) {
    console[method] = LEVELS.indexOf(level) < least ? () => {} : (...args) => writeLog(level, args);
  }
  console.fatal = (...args) => writeLog("FATAL", args);
}

function writeLog(level, args) {
  const timestamp = new Date().toISOString();
  if (isJson) {
    writeOut(jsonEntry(timestamp, level, args) + "\n");
    return;
  }
  const text = util.format(...args).replace(/\n/g, "\r");
  writeOut(`${timestamp}\t${log.requestId}\t${level}\t${text}\n`);
}

function jsonEntry(timestamp, level, args) {
  const { requestId } = log;
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
  const fault = args.find((argument) => argument instanceof Error);
  if (fault !== undefined) {
    entry.errorType = fault.name;
    entry.errorMessage = fault.message;
    entry.stackTrace = String(fault.stack || "").split("\n");
  }
  return JSON.stringify(entry);
}

// Writes `text` as it is.
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

// The copy of an error in the log: `error` is what is reported of `fault` (`errors.cjs`).
function logError(what, error, fault) {
  const { errorType, errorMessage, trace } = error;
  const own = fault instanceof Error ? { ...fault } : {};
  const timestamp = new Date().toISOString();
  if (isJson) {
    const message = { errorType, errorMessage, ...own, stackTrace: trace };
    writeOut(safeJson({ timestamp, level: "ERROR", requestId: log.requestId, message }) + "\n");
    return;
  }
  const text = `${what} \t${safeJson({ errorType, errorMessage, ...own, stack: trace })}`;
  writeOut(`${timestamp}\t${log.requestId}\tERROR\t${text.replace(/\n/g, "\r")}\n`);
}

function safeJson(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return JSON.stringify({ errorType: value.errorType, errorMessage: value.errorMessage });
  }
}
