// How handlers up to Node.js 22 say their result: callback, context.succeed, fail and done, a promise.
//
// All five share one flag, and the first of them counts, whatever the handler is: an async handler
// that has called back has answered, one that returns without has answered null. `callback` with a
// value waits until the event loop is empty, unless `callbackWaitsForEmptyEventLoop` is false; errors
// and the other four never wait. A handler that uses none of them answers null when the loop is empty,
// a promise that nothing will ever settle included.
//
// The flag is set behind the report: where a value is no JSON the report throws, and what comes next,
// such as the rejection of the async handler in which it was thrown, still counts.
"use strict";

// Adds to `context` what reports a result, and answers with the callback. `complete(value)` sends a
// result or throws, `failed(fault)` sends an error, `invocation.whenIdle` runs when the loop is empty.
exports.attach = function attach(context, invocation, complete, failed) {
  let isFinished = false;
  const first = (report) => (fault, value) => {
    if (isFinished) return;
    report(fault, value);
    isFinished = true;
  };
  const report = (fault, value) => {
    invocation.whenIdle = undefined;
    if (isFault(fault)) failed(fault);
    else complete(value);
  };
  context.callbackWaitsForEmptyEventLoop = true;
  context.succeed = first((value) => report(null, value));
  context.fail = first((fault) => report(isFault(fault) ? fault : "handled"));
  context.done = first(report);
  invocation.whenIdle = () => complete(null);
  return first((fault, value) => {
    if (isFault(fault) || !context.callbackWaitsForEmptyEventLoop) report(fault, value);
    else invocation.whenIdle = () => setImmediate(complete, value);
  });
};

function isFault(given) {
  return given !== undefined && given !== null;
}
