exports.good = async () => "good";
exports.neverCallsBack = (event, context, callback) => {};
exports.neverSettles = () => new Promise(() => {});
exports.hangsWithTimer = () => new Promise(() => setInterval(() => {}, 1000));
exports.twice = (event, context, callback) => {
  callback(null, "first");
  callback(null, "second");
  setTimeout(() => callback(null, "third"), 20);
};
exports.resolvesTwice = () => new Promise((resolve) => { resolve("first"); resolve("second"); });
exports.throwsLater = () => new Promise(() => setTimeout(() => { throw new RangeError("later"); }, 10));
exports.rejectsUnhandled = async () => {
  Promise.reject(new TypeError("nobody looks"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return "never";
};
exports.surrogate = async () => "\ud800";
exports.nan = async () => NaN;
exports.bigint = async () => 10n;
exports.undefinedResult = async () => undefined;
exports.loops = async () => { for (;;); };
exports.eats = async () => { const kept = []; for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1)); };
exports.tooLarge = async () => "x".repeat(7 * 1024 * 1024);
exports.logs = async () => { console.log("a\nb", { c: 1 }); console.error(new Error("seen")); return null; };
exports.context = async (event, context) => ({ keys: Object.keys(context), client: context.clientContext });
