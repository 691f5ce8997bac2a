"use strict";

let calls = 0;

exports.handler = async (event, context) => ({ event, name: context.functionName, remaining: context.getRemainingTimeInMillis() > 0 });
exports.callback = (event, context, callback) => { setTimeout(() => callback(null, { late: true }), 5); };
exports.callbackAtOnce = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => {}, 60000);
  callback(null, { early: true });
};
exports.callbackFails = (event, context, callback) => { callback(new RangeError("no")); };
exports.plain = () => ({ ignored: true });
exports.throws = async () => { throw new TypeError("bad"); };
exports.rejectsText = () => Promise.reject("just text");
exports.exits = async () => { process.exit(4); };
exports.counts = async () => { calls += 1; console.log("call", calls); return { calls, pid: process.pid }; };
exports.hangs = async () => { for (;;); };
exports.circular = async () => { const a = {}; a.a = a; return a; };
exports.passRequest = async (event) => event.Records[0].cf.request;
exports.passResponse = async (event) => event.Records[0].cf.response;
exports.nested = { deep: { handler: async () => "deep" } };
