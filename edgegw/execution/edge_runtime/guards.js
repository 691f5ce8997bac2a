  // What would take long in one step, in which the engine looks at no clock: a part of core.js, which it
  // is put into, as a look at a variable from there is quicker than a call.
  //
  // A built-in that works in proportion to its input counts for that (meter). And on an event loop
  // nothing may be long, as even one step on it takes milliseconds: a run is given up there (stop).
  const LONG = 8192, MUCH = 4096, FEW = 32;
  function within(value) {
    if (typeof value === "string" && value.length > LONG) tooLong(value.length);
    return value;
  }
  function tooLong(length) {
    if (isTentative) stop("time");
    if (length > memory) throw new RealRangeError("out of memory");
  }
  function light(list) { // no text of it is read as a number, or compared, for long
    if (!isTentative || !list || !(list.length > FEW)) return;
    let length = 0;
    for (let at = 0; at < list.length && length <= LONG; at++) if (typeof list[at] === "string") length += list[at].length;
    if (length > LONG) stop("time");
  }
  function looking(given, at, length) { // a built-in may be called back, which counts nothing
    const handle = given[at];
    if (isTentative && length > FEW && typeof handle === "function")
      given[at] = function (...all) { look(); return apply(handle, this, all); };
  }
  function look() {
    if (clock() > deadline) stop("time");
  }
  // There a run has less memory. That it has no more ends it, before its code makes something of it.
  function isFull(error) {
    return error === null || (error instanceof RealInternalError && error.message === "out of memory");
  }
  function caught(error) {
    if (isTentative && isFull(error)) stop("time");
  }

  function wrapped(object, name, guard, judge) {
    const original = object[name];
    if (typeof original !== "function") return;
    const guarded = judge === within ? { [name](...given) {
      guard(this, given);
      return within(apply(original, this, given));
    } }[name] : { [name](...given) {
      guard(this, given);
      return apply(original, this, given);
    } }[name];
    define(guarded, "length", { value: original.length, configurable: true });
    define(object, name, { value: guarded, writable: true, configurable: true });
  }
  const MANY = 200000;
  function lengthOf(value) {
    if (value === null || value === undefined) return 0;
    const length = value.length;
    if (typeof length === "number" && length > MANY) throw new RealRangeError("out of memory");
    if (isTentative && length > MUCH) stop("time");
    return length > 0 && typeof length === "number" ? length : 0; // below zero it would count units back
  }
  function many(length) {
    if (isTentative && length > LONG) stop("time");
    return length > 0 ? length : 0;
  }
  function guardArrays() {
    const inProportion = (self) => meter(lengthOf(self) >> 3);
    wrapped(Array.prototype, "join", inProportion, within);
    for (const name of ["reverse", "splice", "shift", "unshift", "copyWithin", "flat", "slice", "fill", "toLocaleString"])
      wrapped(Array.prototype, name, inProportion);
    for (const name of ["indexOf", "includes", "lastIndexOf"])
      wrapped(Array.prototype, name, (self) => { inProportion(self); light(self); });
    for (const name of ["sort", "flatMap", "map", "filter", "forEach", "some", "every", "reduce", "reduceRight", "find", "findIndex"])
      wrapped(Array.prototype, name, (self, given) => {
        const length = lengthOf(self);
        meter(length >> 3);
        if (!isTentative || length <= FEW) return;
        if (given[0] === undefined) light(self);
        looking(given, 0, length);
      });
    wrapped(Array.prototype, "concat", (self, given) => {
      meter(lengthOf(self) >> 3);
      for (let at = 0; at < given.length; at++)
        if (given[at] !== null && typeof given[at] === "object") meter(lengthOf(given[at]) >> 3);
    });
    const Typed = prototypeOf(Uint8Array.prototype);
    for (const name of names(Typed))
      if (name !== "constructor" && !Object.getOwnPropertyDescriptor(Typed, name).get)
        wrapped(Typed, name, (self, given) => {
          meter((many(self.length) >> 5) * (name === "sort" ? 8 : 1));
          if (name === "set") light(given[0]);
          looking(given, 0, self.length);
        }, within);
    for (const name of ["from", "of"])
      wrapped(prototypeOf(Uint8Array), name, (_, given) => { light(name === "of" ? given : given[0]); looking(given, 1, FEW + 1); });
    for (const name of ["max", "min", "hypot"]) wrapped(Math, name, (_, given) => light(given));
    // Text is made of an array in the engine, hole by hole: this is asked before.
    define(Array.prototype, "toJSON", { value() { lengthOf(this); return this; }, writable: true, configurable: true });
    wrapped(Array, "from", (_, given) => {
      const length = lengthOf(given[0]);
      meter(length >> 2);
      looking(given, 1, length);
    });
  }
  function size(given) {
    // The engine looks at the clock too seldom in what it does with long texts (look-ahead most of all).
    if (typeof given !== "string") return 0;
    if (isTentative && given.length > LONG) stop("time");
    return given.length;
  }
  function guardStrings() {
    for (const name of ["slice", "substring", "substr", "trim", "trimStart", "trimEnd", "toLowerCase",
      "toUpperCase", "match", "matchAll", "search", "startsWith", "endsWith", "localeCompare",
      "isWellFormed", "toWellFormed"])
      wrapped(String.prototype, name, (self) => meter(size(self) >> 6));
    wrapped(String.prototype, "concat", (self, given) => { // and templates
      let length = typeof self === "string" ? self.length : 0;
      for (let at = 0; at < given.length; at++) if (typeof given[at] === "string") length += given[at].length;
      meter(many(length) >> 6);
    });
    for (const name of ["indexOf", "includes", "split", "replace", "replaceAll", "lastIndexOf"])
      wrapped(String.prototype, name, (self, given) => {
        const long = size(self), sought = size(given[0]), other = size(given[1]);
        meter((long >> 6) + (sought > 16 ? floor(long * sought / 512) : 0) +
          (other > 64 ? floor(long * other / 512) : 0));
      }, within);
    wrapped(String.prototype, "normalize", (self) => {
      if (size(self) > 20000) throw new RealRangeError("out of memory");
      meter(floor(size(self) * size(self) / 1000));
    }, within);
    wrapped(String.prototype, "repeat", (self, given) => meter(many(size(self) * (given[0] | 0)) / 64));
    for (const name of ["padStart", "padEnd"])
      wrapped(String.prototype, name, (_, given) => meter(many(given[0] | 0) / 64));
    wrapped(JSON, "stringify", look, within);
    for (const name of ["fromCharCode", "fromCodePoint"])
      wrapped(String, name, (_, given) => { meter(given.length >> 4); light(given); }, within);
    wrapped(JSON, "parse", (_, given) => meter(size(given[0]) >> 5));
    for (const name of ["encodeURIComponent", "decodeURIComponent", "encodeURI", "decodeURI", "parseInt", "parseFloat"])
      wrapped(globalThis, name, (_, given) => meter(size(given[0]) >> 4), within);
    for (const name of ["parseInt", "parseFloat"]) Number[name] = globalThis[name];
    for (const name of ["test", "exec"])
      wrapped(RegExp.prototype, name, (_, given) => meter(4 + (size(given[0]) >> 4)));
  }
  function guardPromises() {
    wrapped(RealPromise.prototype, "then", (_, given) => {
      if (!isTentative) return;
      const go = given[0], handle = given[1];
      if (typeof go === "function") // nobody may wait for what it throws
        given[0] = (value) => { try { return go(value); } catch (error) { caught(error); throw error; } };
      if (typeof handle === "function")
        given[1] = (error) => { caught(error); try { return handle(error); } catch (other) { caught(other); throw other; } };
    });
  }
  function guardObjects() {
    wrapped(Function.prototype, "apply", () => { if (isTentative) look(); }); // with thousands of arguments
    for (const name of ["keys", "values", "entries", "assign", "getOwnPropertyNames", "getOwnPropertyDescriptors"])
      wrapped(Object, name, (_, given) => {
        for (let at = 0; at < given.length; at++)
          if (isArray(given[at]) || typeof given[at] === "string") meter(lengthOf(given[at]) >> 3);
      });
  }
  function guardMaking() {
    const arrays = [Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Int16Array, Uint32Array,
      Int32Array, Float32Array, Float64Array];
    for (const Made of [...arrays, ArrayBuffer, Array]) {
      const Guarded = function (...given) {
        if (typeof given[0] === "number") {
          if (Made === Array && given.length === 1 && given[0] > MANY) throw new RealRangeError("out of memory");
          meter(many(given[0]) >> 5);
        } else if (given[0] !== null && typeof given[0] === "object" && Made !== Array) {
          meter(lengthOf(given[0]) >> 4);
          light(given[0]);
        }
        return construct(Made, given, new.target === undefined || new.target === Guarded ? Made : new.target);
      };
      replaceConstructor(Made.name, Made, Guarded);
    }
    const RealRegExp = RegExp;
    replaceConstructor("RegExp", RealRegExp, function Guarded(...given) {
      meter(floor((typeof given[0] === "string" ? given[0].length : 0) / 2) + 10);
      if (typeof given[0] === "string" && given[0].length > 5000) throw new SyntaxError("regular expression is too large");
      return construct(RealRegExp, given, new.target === undefined ? RealRegExp : RealRegExp);
    });
  }
  function replaceConstructor(name, Made, Guarded) {
    define(Guarded, "name", { value: name });
    for (const member of names(Made))
      if (member !== "name" && member !== "length" && member !== "prototype")
        define(Guarded, member, Object.getOwnPropertyDescriptor(Made, member));
    if (Made.__proto__ !== Function.prototype) Object.setPrototypeOf(Guarded, Made.__proto__);
    Guarded.prototype = Made.prototype;
    define(Made.prototype, "constructor", { value: Guarded, writable: true, configurable: true });
    define(globalThis, name, { value: Guarded, writable: true, configurable: true });
  }
