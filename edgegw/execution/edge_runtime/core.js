// What stands between the engine and a function: the same for every run in this context.
//
//   install(version, …)        takes away what the real runtime lacks, and guards what may be slow
//   loaded(factory)            the code, as it is begun for each run
//   begin(code, frame, …)      one run, on an event loop where it may be given up; answers its outcome as JSON, or "" where it has to wait
//   next()                     goes on with a run that waits: its outcome, or what it asks of a store
//   settle(answers)            the store's answers
//   ended()                    the run is cut off; what it left is stopped when it comes
//
// Units are counted here (see metering.py). A built-in that works in proportion to its input counts
// for that itself; so nothing runs long between two looks at the clock, whatever the engine does.
(function () {
  "use strict";
  const apply = Reflect.apply, construct = Reflect.construct, define = Object.defineProperty;
  const parse = JSON.parse, stringify = JSON.stringify, keys = Object.keys, freeze = Object.freeze;
  const names = Object.getOwnPropertyNames, prototypeOf = Object.getPrototypeOf;
  const RealDate = Date, clock = Date.now, RealPromise = Promise, RealString = String;
  const then = Promise.prototype.then, isArray = Array.isArray, RealError = Error, RealObject = Object, RealInternalError = InternalError;
  const RealReference = ReferenceError, RealTypeError = TypeError, RealRangeError = RangeError, floor = Math.floor;
  const setPrototype = Object.setPrototypeOf, plain = Object.prototype, push = Array.prototype.push, slice = String.prototype.slice, sliceOf = (s, a, b) => apply(slice, s, [a, b]);
  const split = String.prototype.split, exec = RegExp.prototype.exec;

  let units = 0, full = 60000, check = 0, deadline = 0, over = "", now = 0;
  let logs = [], logged = 0, custom = "", origin = null, asked = [], waiting = {}, count = 0;
  let run = 0, state = "idle", outcome = "", eventType = "", place = null, hasStore = false, isTentative = false, deletes = false;
  let framed = null, values = null, seen = null, target = null, edits = null, rawQuery = null;
  const STEP = 100, LOG = 10240;
  let end = ""; // of a text of edits: no function knows it, so none can cut a text off and say what it likes
  let linesBefore = 0; // of our own sources, more than code has
  let memory = 0; // bytes of a run, which no text has more of

  const bare = (object) => setPrototype(object, null), NONE = freeze(bare([])); // no prototype changes what Python is told
  function appended(list, item) {
    if (list !== NONE) apply(push, list, [item]);
    return list === NONE ? bare([item]) : list;
  }

  function stop(why) {
    over = over || why;
    throw new RealError(why);
  }
  function slow() {
    if (units > full) stop("units");
    if (clock() > deadline) stop("time");
    check = units + STEP;
  }
  function meter(words) {
    units += words;
    if (units > check) slow();
    return true;
  }
  function meterEach(words, value) {
    if (value === null || value === undefined) return value;
    if (typeof value === "string") meter(words * (value.length + 1));
    else if (typeof value === "object") meter(words * (keys(value).length + 1));
    return RealObject(value); // the engine, out of memory while it does that itself, would crash
  }

  // ---- what is guarded: guards.js stands here

  // ---- what is taken away, what is there instead

  function refuse(name) {
    const refused = function () { throw new RealTypeError('"' + name + '" is disabled'); };
    define(refused, "name", { value: name });
    return refused;
  }
  function takeAway(absent) {
    for (const name of absent) delete globalThis[name];
    const NoFunction = refuse("Function");
    const kinds = [function () {}, async function () {}, function* () {}, async function* () {}];
    NoFunction.prototype = Function.prototype;
    for (const kind of kinds)
      define(prototypeOf(kind), "constructor", { value: NoFunction, writable: false, configurable: false });
    define(globalThis, "Function", { value: NoFunction, writable: true, configurable: true });
    define(globalThis, "eval", { value: refuse("eval"), writable: true, configurable: true });
    for (const name of ["toSorted", "toReversed", "toSpliced", "with", "findLast", "findLastIndex"])
      delete Array.prototype[name];
    for (const name of ["try", "withResolvers"]) delete Promise[name];
    for (const name of ["prepareStackTrace", "stackTraceLimit"]) delete Error[name]; // to freeze them keeps nobody from setting them
    delete String.raw;
    delete Object.groupBy;
    delete Array.fromAsync;
    // The real engine keeps no source of a function, and here it would be the metered one.
    for (const name of ["toString", "fileName", "lineNumber", "columnNumber"]) delete Function.prototype[name];
  }
  function frozenDate() {
    const Frozen = function Date(...given) {
      if (new.target === undefined) return new RealDate(now).toString();
      return construct(RealDate, given.length ? given : [now], new.target === Frozen ? RealDate : new.target);
    };
    replaceConstructor("Date", RealDate, Frozen);
    define(Frozen, "now", { value: function now_() { return now; }, writable: true, configurable: true });
  }

  // ---- text of errors, in the words of the real runtime

  function worded(error) {
    if (error === null || typeof error !== "object") return RealString(error);
    let name = "Error", message = "";
    try { name = RealString(error.name); message = RealString(error.message); } catch (other) { caught(other); return name === "undefined" ? "Error" : name; }
    if (name === "undefined" && message === "undefined") return "[object Object]";
    const text = message
      .replace(/^cannot read property '(.*)' of (undefined|null)$/, 'cannot get property "$1" of $2')
      .replace(/^cannot set property '(.*)' of (undefined|null)$/, 'cannot set property "$1" of $2')
      .replace(/^'?([\w$]+)'? is not defined$/, '"$1" is not defined');
    return text ? name + ": " + text : name;
  }
  function lineOf(error) { // of the function's code: our own begins behind more lines than that has
    if (error === null || typeof error !== "object") return undefined;
    try {
      const stack = RealString(error.stack), place = /\(<input>:(\d+)/g;
      for (let match = apply(exec, place, [stack]); match !== null; match = apply(exec, place, [stack]))
        if (+match[1] <= linesBefore) return +match[1];
    } catch (other) { // a getter of its own
      if (isTentative && isFull(other)) over = over || "time";
      return undefined;
    }
  }

  // ---- console, modules

  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof RealError) return worded(value);
    if (value !== null && typeof value === "object") {
      try { return stringify(value); } catch (error) { caught(error); return "[object Object]"; }
    }
    return RealString(value);
  }
  const console = freeze({
    log(...given) {
      let text = "";
      for (let at = 0; at < given.length; at++) text += (at ? " " : "") + shown(given[at]);
      meter(8 + (text.length >> 4));
      if (logged >= LOG) return;
      text = sliceOf(text, 0, LOG - logged);
      logged += text.length;
      logs = appended(logs, text);
    },
  });
  const sources = bare({}), modules = bare({});
  let version = "2.0";
  function require(name) {
    if (!modules[name]) {
      if (name === "cloudfront" && version === "2.0") modules[name] = cloudfront;
      else if (sources[name] && (name !== "buffer" || version === "2.0")) modules[name] = sources[name](tools);
      else throw new RealError('Cannot find module "' + name + '"');
    }
    return modules[name];
  }
  const tools = { meter, light, within, caught, freeze, require, version: () => version };

  // ---- the module cloudfront

  function ask(kind, key, format) {
    return new RealPromise((resolve, reject) => {
      const id = ++count;
      waiting = waiting || bare({});
      waiting[id] = [resolve, reject, format];
      asked = appended(asked, bare([id, kind, key]));
      meter(40);
    });
  }
  function atRequest(name) {
    if (eventType !== "viewer-request") throw new RealError(name + " is only available in viewer-request");
  }
  const store = freeze({
    get(key, options) {
      const format = options && options.format !== undefined ? options.format : "string";
      if (format !== "string" && format !== "json" && format !== "bytes")
        return RealPromise.reject(new RealTypeError("unknown format"));
      return ask("get", RealString(key), format);
    },
    exists(key) { return ask("exists", RealString(key)); },
    meta() { return ask("meta", ""); },
  });
  const cloudfront = {
    kvs(id) {
      if (!hasStore) throw new RealError("KVSNamespaceNotFound: no key value store is associated with the function");
      if (typeof id === "string" && sliceOf(id, 0, 4) === "arn:")
        throw new RealError("KVSNamespaceNotFound: the id of a store is what follows the last slash of its ARN");
      return store;
    },
    updateRequestOrigin(change) {
      atRequest("updateRequestOrigin");
      if (change === null || typeof change !== "object") throw new RealTypeError("an object is expected");
      origin = { __proto__: null, update: change };
    },
    selectRequestOriginById(id, options) {
      atRequest("selectRequestOriginById");
      origin = { __proto__: null, select: id === undefined ? null : id, options: options };
    },
    createRequestOriginGroup(group) {
      atRequest("createRequestOriginGroup");
      if (group === null || typeof group !== "object") throw new RealTypeError("an object is expected");
      origin = { __proto__: null, group: group };
    },
    logCustomData(text) {
      const whole = encode(RealString(text));
      custom = RealString(sliceOf(whole, 0, 800).replace(/%[0-9A-F]?$/, ""));
    },
    get edgeLocation() {
      if (eventType !== "viewer-request") return {};
      return { name: place.name, serverIp: place.serverIp, region: place.region };
    },
    get distributionTenant() { throw new RealTypeError("distributionTenant module is not available"); },
  };
  freeze(cloudfront);
  let encode = encodeURIComponent;

  // ---- a run

  function finished(value) {
    const change = origin;
    try {
      const said = framed === null ? null : edits(framed, values, value, target, seen, requests, UNSEEN, deletes);
      if (said !== null) outcome = withEdits(said, change);
      else outcome = stringify({ __proto__: null, result: value, logs, units, origin: change || undefined, custom: custom || undefined });
    } catch (error) {
      if (over) return failed(error);
      outcome = stringify({ __proto__: null, unreadable: worded(error), logs, units });
    }
    if (over || units > full) return failed(null);
    ended();
  }
  function ended() { // the meter stops what comes yet of this run: jobs of promises that it left
    state = "done";
    check = deadline = 0;
    if (seen !== null) seen.own = null; // else each run left a circle for the collector
  }
  function withEdits(said, change) {
    let more = "";
    if (logs !== NONE || change || custom !== "")
      more = " " + stringify({ __proto__: null, logs, origin: change || undefined, custom: custom || undefined });
    // A rope of texts is nothing that Python can take, which a slice is not.
    return sliceOf("=" + units + " " + seen.count + more + said + end, 0);
  }
  function failed(error) {
    if (isTentative && error && isFull(error)) over = over || "time";
    let text = "";
    const line = lineOf(error);
    try { if (!over) text = worded(error); } catch (_) { text = "Error"; }
    outcome = stringify({ __proto__: null, error: text, line, over: over || (units > full ? "units" : undefined), logs, units });
    ended();
  }
  // Requests have it as a prototype, so that their members are those that the event has.
  const requests = { rawQueryString() { return rawQuery === null ? undefined : rawQuery; } };
  define(requests, "rawQueryString", { enumerable: false });
  const LINES = ["\n"], UNSEEN = freeze(bare({}));
  const more = (late) => apply(split, late.more, LINES);
  function put(self, late, mark, name, other) {
    if (self === late.own) late[mark] = other;
    else define(self, name, { value: other, enumerable: true, writable: true, configurable: true }); // it inherits
  }
  function framedEvent(frame, text, rest) {
    framed = frame;
    values = apply(split, text, LINES);
    const isAnswered = frame.status !== undefined;
    seen = isAnswered ? { request: UNSEEN, more: rest, cookies: null, own: null, count: 0 } :
      { query: frame.isQueryLate ? UNSEEN : null, cookies: frame.areCookiesLate ? UNSEEN : null, own: null, count: 0 };
    const event = frame.make(values, version === "2.0" ? requests : plain, UNSEEN, parse, seen, more, put);
    target = isAnswered ? event.response : event.request;
    seen.own = isAnswered ? event : target;
    return event;
  }
  function parsedEvent(text) {
    const event = parse(text);
    framed = null;
    if (version === "2.0" && event && event.request) setPrototype(event.request, requests);
    return event;
  }
  function loaded(factory) { return factory(require, console, meter, meterEach, within, look, caught); }
  function begin(code, frame, text, rest, query, patience, mayGiveUp) {
    // With a frame (frames.py) the texts are the values that fill it, else the event is JSON.
    now = clock();
    isTentative = mayGiveUp;
    deadline = now + patience;
    units = logged = count = 0;
    check = STEP;
    over = custom = outcome = "";
    logs = asked = NONE; waiting = origin = null;
    state = "running";
    const own = ++run; // what an earlier run left behind, cut off by a limit, may come yet
    try {
      rawQuery = query;
      const event = frame === null ? parsedEvent(text) : framedEvent(frame, text, rest);
      eventType = event && event.context ? event.context.eventType : "";
      const handler = code();
      if (typeof handler !== "function") throw new RealReference('"handler" is not defined');
      const value = handler(event);
      if (value !== target && value instanceof RealPromise) {
        apply(then, value, [(given) => own === run && finished(given), (error) => own === run && failed(error)]);
        return "";
      }
      finished(value);
    } catch (error) {
      failed(error);
    }
    return outcome;
  }
  function next() {
    if (state === "done") return outcome;
    if (!asked.length) {
      failed(new RealError("the handler never settles"));
      return outcome;
    }
    const questions = asked;
    asked = NONE;
    return stringify({ __proto__: null, asks: questions });
  }
  function settle(text) {
    const answers = parse(text);
    for (let at = 0; at < answers.length; at++) {
      const [id, isGood, value] = answers[at], [resolve, reject, format] = waiting[id];
      delete waiting[id];
      if (!isGood) reject(new RealError(value));
      else if (format === "json") {
        try { resolve(parse(value)); } catch (error) { reject(error); }
      } else if (format === "bytes") resolve(require("buffer").from(value, "utf8"));
      else resolve(value);
    }
  }

  function handedOut() { // what runs get, and what they reach from there, of which the global object has nothing
    const listed = [][Symbol.iterator](), hash = require("crypto").createHash("md5");
    const generators = [function* () {}, async function* () {}], made = [generators[0](), generators[1]()];
    return [require, console, cloudfront, store, require("crypto"), require("querystring"), hash, listed,
      ""[Symbol.iterator](), "".matchAll(/a/g), listed.map && listed.map(floor), async function () {}, ...generators, ...made];
  }

  return function install(given, module) {
    // given: { version, full, memory, absent, isShared, hasStore, place, end, deletes, linesBefore }
    let absent = given.absent;
    version = given.version;
    place = given.place;
    hasStore = given.hasStore;
    memory = given.memory;
    linesBefore = given.linesBefore;
    end = given.end;
    deletes = given.deletes;
    deadline = check = full = 1e18;
    for (const name of keys(module)) sources[name] = module[name];
    const text = module.text(tools), lock = module.lock(tools);
    edits = module.edits;
    for (const own of ["text", "lock", "edits"]) delete sources[own];
    if (version === "1.0") {
      absent = [...absent, "TextEncoder", "TextDecoder", "atob", "btoa", "DataView"];
      for (const name of ["all", "any", "race", "allSettled"]) delete Promise[name];
      delete String.prototype.replaceAll;
      delete Symbol.for;
      text.bytestrings();
      const MemoryError = class extends RealError {};
      define(MemoryError, "name", { value: "MemoryError" });
      define(MemoryError.prototype, "name", { value: "MemoryError", writable: true, configurable: true });
      define(globalThis, "MemoryError", { value: MemoryError, writable: true, configurable: true });
    } else {
      define(globalThis, "Buffer", { value: require("buffer"), writable: true, configurable: true });
      text.texts();
    }
    guardArrays();
    guardStrings();
    guardObjects();
    guardPromises();
    guardMaking();
    frozenDate();
    takeAway(absent);
    encode = encodeURIComponent;
    require("crypto");
    require("querystring");
    if (given.isShared) lock(handedOut());
    full = given.full;
    if (given.isShared) {
      freeze(requests);
      freeze(requests.rawQueryString);
    }
    return { loaded, begin, next, settle, ended };
  };
})()
