// Errors as they are reported to the gateway: `errorType`, `errorMessage` and the lines of `trace`.
//
// What a handler throws is named as it names itself, whatever it is. What goes wrong before there is
// a handler has names of Lambda's.
"use strict";

const util = require("node:util");
const { missingPackage } = require("./advice.cjs");

class HandlerNotFound extends Error {}
class MalformedHandlerName extends Error {}
class CallbackHandlerDeprecated extends Error {}

// Why init failed, for a function whose code is in the folder `root`.
function initError(fault, root) {
  const stack = String((fault && fault.stack) || "").split("\n");
  const message = String((fault && fault.message) || fault);
  for (const kind of [HandlerNotFound, MalformedHandlerName, CallbackHandlerDeprecated]) {
    if (fault instanceof kind) return { errorType: `Runtime.${kind.name}`, errorMessage: message, trace: stack };
  }
  if (fault instanceof SyntaxError) {
    return { errorType: "Runtime.UserCodeSyntaxError", errorMessage: `SyntaxError: ${message}`, trace: stack };
  }
  if (fault && (fault.code === "MODULE_NOT_FOUND" || fault.code === "ERR_MODULE_NOT_FOUND")) {
    const remedy = missingPackage(fault, root);
    const errorMessage = remedy ? `Error: ${message} (${remedy})` : `Error: ${message}`;
    return { errorType: "Runtime.ImportModuleError", errorMessage, trace: stack };
  }
  return errorObject(fault);
}

// What a handler threw or rejected with, also where it is no error.
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

module.exports = { CallbackHandlerDeprecated, HandlerNotFound, MalformedHandlerName, errorObject, initError };
